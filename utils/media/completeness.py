"""Whether all of a stream is in the file: holes between its packets, bytes that no packet holds, an early end."""

from fractions import Fraction

from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from utils.config.words import counted
from utils.media.audio_gaps import LATE_TIMES
from utils.media.avi import empty_chunks
from utils.media.container import Media, time_base
from utils.media.file_parts import BLANK_BYTES, Suspicion, is_tag
from utils.media.header import EXACT, counted_packets, declared_end, listed_bytes
from utils.media.holes import AudioHoles, FrameHoles
from utils.media.input import open_here
from utils.media.mp3 import before_frame, cut_frame, declared_mp3, skipped_head
from utils.media.report import DecodeReport
from utils.media.structure import findings

BARE_AUDIO = (  # one frame follows the other, with nothing between them
    "aac", "ac3", "dts", "eac3", "flac", "mp3", "truehd", "mlp",
)  # fmt: skip
TIMED = (  # packets have exact times
    "matroska,webm", "flv", "asf", "mpegts", "mpeg", "ogg", "mov,mp4,m4a,3gp,3g2,mj2", "mxf", "nut", "wtv",
)  # fmt: skip
OF_ALL_STREAMS = ("flv", "asf", "nut", "wtv")  # the header says when the longest ends
STEADY = ("mpeg", "mxf")  # nothing is left out on purpose, and nothing else shows what is missing
MOST_GAPS = 1000  # between frames of bare sound, that are looked at
TAG_BYTES = 128  # at the end of MP3 files, which some encoders count as sound


class Completeness:
    """Watches the packets of a file as they are read, and at its end reports what of one stream is missing.

    A hole in the times may be meant (a recorder drops frames, speech is sent with pauses), so it is only noted, unless
    the file is damaged elsewhere, too, or the container is one in which nothing is left out.
    """

    def __init__(self, media: Media, stream: Stream, report: DecodeReport) -> None:
        self._media = media
        self._stream = stream
        self._report = report
        self._format = media.container.format.name
        self._audio = AudioHoles(time_base(stream)) if isinstance(stream, AudioStream) else None
        self._are_late = stream.codec_context.codec.canonical_name in LATE_TIMES  # only samples tell holes then
        self._frames = FrameHoles(time_base(stream), report.joints)
        self._gaps: list[tuple[int, int]] = []  # bytes between the frames of bare sound: (from, to)
        self._read_to: int | None = None  # end of the last packet, in bytes
        self._others: dict[int, int] = {}  # other streams of the same kind → where their first packet is, in bytes
        self._last_at = 0  # where the last packet is, in bytes
        self._first_at = 0  # where the first packet is, in bytes
        self._n_packets = self._n_bytes = 0  # of the stream
        self._has_key_frame, self._n_taken = False, 0  # packets up to the first key frame
        self._n_hidden = 0  # samples before the sound (priming), which headers may count
        self._end: int | None = None  # the latest end of a packet, in time base units
        self._untimed = 0  # duration of all packets without a time
        self._longest = 0  # duration of a packet
        self._last_duration = 0
        self._latest_s = Fraction(0)  # end of a packet of any stream, of containers `OF_ALL_STREAMS`

    def see(self, packet: Packet) -> None:
        """Take note of where a packet of any stream is in the file."""
        if packet.stream_index == self._stream.index and (packet.size or packet.dts is not None):  # no flush at the end
            self._last_at = max(self._last_at, packet.pos or 0)
            self._first_at = packet.pos or 0 if not self._n_packets else self._first_at
            self._n_packets += 1
            self._n_bytes += packet.size
        elif packet.size and packet.stream.type == self._stream.type:
            self._others.setdefault(packet.stream_index, packet.pos or 0)
        if self._format in OF_ALL_STREAMS and packet.pts is not None and packet.size:
            self._latest_s = max(self._latest_s, (packet.pts + (packet.duration or 0)) * packet.time_base)
        if self._format in BARE_AUDIO and packet.pos is not None and packet.pos >= 0 and packet.size:
            if self._read_to is not None and packet.pos > self._read_to and len(self._gaps) < MOST_GAPS:
                self._gaps.append((self._read_to, packet.pos))
            if self._format == "mp3" and self._read_to is not None and (n_before := before_frame(packet)):
                self._gaps.append((packet.pos, packet.pos + n_before))
            self._read_to = packet.pos + packet.size

    def take(self, packet: Packet, is_joint: bool) -> None:
        """Take note of when a packet of the stream is. is_joint: the clock was corrected there."""
        if is_joint and packet.pts is not None:
            self._report.joints.append(packet.pts)
        self._look_for_key_frame(packet)
        duration = packet.duration or 0
        if packet.pts is None:
            self._untimed += duration
            return
        if self._end is None and packet.has_sidedata("skip_samples"):
            self._n_hidden = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
        is_shown = not packet.is_discard  # an edit list may hide the same packets twice
        if is_shown and (self._audio is None or not duration):
            self._frames.push(packet.pts)
        if is_shown and self._audio is not None and not self._are_late:
            self._audio.push(packet.pts, duration, is_joint=is_joint)
        self._longest = max(self._longest, duration)
        self._last_duration = duration
        self._end = max(packet.pts if self._end is None else self._end, packet.pts + duration)

    def _look_for_key_frame(self, packet: Packet) -> None:
        """Note, at the first key frame of a video, that it does not start with one."""
        if self._audio or self._has_key_frame or not self._media.from_start:
            return
        self._has_key_frame = packet.is_keyframe
        if packet.is_keyframe and self._n_taken:
            self._report.note(f"it starts between key frames: {self._n_taken} packets come before the first one")
        self._n_taken += 1

    def finish(self) -> None:
        """Report what is missing, at the end of the file."""
        if (
            self._format == "mpegts"
            and self._n_packets
            and any(first_at > self._last_at for first_at in self._others.values())
        ):
            self._report.note(
                f"another {self._stream.type} stream begins where this one ends (changed PIDs?): not read"
            )
        self._report_gaps()
        found = findings(self._media.source, self._media.container.size, self._format)
        of_mp3 = (*skipped_head(self._media, self._first_at), *cut_frame(self._media, self._last_at))
        for finding in (*found, *of_mp3):
            (self._report.damage if finding.is_loss else self._report.note)(finding.problem)
        if self._format in TIMED:
            self._report_holes(any(isinstance(finding, Suspicion) for finding in found))
        if self._end is None and self._format in EXACT:  # MXF without the index at its end
            self._end = (self._stream.start_time or 0) + self._untimed
        if self._end is not None:
            self._report_counts()
            self._report_end()

    def _report_gaps(self) -> None:
        """Report bytes between frames of bare sound, tags excepted."""
        file = open_here(self._media.source) if self._gaps else None
        if file is None:
            return
        n_bytes = 0
        with file:
            for start, end in self._gaps:
                file.seek(start)
                n_bytes += 0 if is_tag(file.read(min(end - start, BLANK_BYTES))) else end - start
        if n_bytes:
            self._report.damage(f"{n_bytes} bytes between its frames are not sound")

    def _report_holes(self, are_explained: bool) -> None:
        """Report holes in the times; those of sound only where they are damage, since decoding reports the others.

        are_explained: the container shows in another way that something is missing.
        """
        holes = self._audio.found() if self._audio else self._frames.found()
        if not holes.n:
            return
        seconds, places = float(holes.missing * time_base(self._stream)), counted(holes.n, "place")
        noun = "sound is" if self._audio else "frames are"
        if self._format in STEADY or are_explained or self._report.partial:
            self._report.damage(f"{noun} missing in the file for {seconds:.2f} s in {places}")
        elif not self._audio:
            self._report.note(f"{noun} missing for {seconds:.2f} s in {places}")

    def _report_counts(self) -> None:
        """Report fewer packets, or fewer bytes, than the header says."""
        if not self._media.from_start:
            return
        counted = counted_packets(self._media.container, self._stream)
        if counted is not None and self._n_packets < counted:
            self._report.damage(f"{self._n_packets} of {counted} packets are in the file")
        listed = listed_bytes(self._media.container, self._stream)
        if self._n_bytes < listed:
            self._report.damage(f"{self._n_bytes} of the {listed} bytes that its index lists are in the file")
        n_frames, n_bytes = declared_mp3(self._media, self._first_at)
        if self._n_packets < n_frames - 1:  # some encoders count the header
            self._report.damage(f"{self._n_packets} of {n_frames} frames of sound are in the file")
        if self._n_bytes < n_bytes - TAG_BYTES:
            self._report.damage(f"{self._n_bytes} of {n_bytes} bytes of sound are in the file")

    def _report_end(self) -> None:
        """Report an earlier end than the header says."""
        unit_s = time_base(self._stream)
        unsure = self._longest if self._last_duration else 4 * max(self._frames.interval, self._longest)
        if not unsure and self._audio:  # so few packets of unknown length that they tell nothing
            return
        stated = declared_end(self._media, self._stream, float(unsure * unit_s))
        end_s = float(self._latest_s if self._format in OF_ALL_STREAMS else (self._end or 0) * unit_s)
        if isinstance(self._stream, AudioStream) and self._stream.rate:
            end_s += self._n_hidden / self._stream.rate
        lacks_s = 0.0 if stated is None else stated.end_s - end_s
        if stated is not None and lacks_s > stated.slack_s and lacks_s > stated.slack_s + self._empty_s():
            digits = 2 if lacks_s > 0.01 else 5
            self._report.damage(f"it ends at {end_s:.{digits}f} s, the header says {stated.end_s:.{digits}f} s")

    def _empty_s(self) -> float:
        """Return how long the sound is that an AVI file counts, though it has none there, in seconds."""
        file = open_here(self._media.source) if self._format == "avi" and self._audio else None
        if file is None:
            return 0.0
        with file:
            n_empty = empty_chunks(file, self._media.container.size, self._stream.index)
        return float(n_empty * time_base(self._stream))
