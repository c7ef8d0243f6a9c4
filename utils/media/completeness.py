"""Whether all of a stream is in the file: holes between its packets, bytes that no packet holds, an early end."""

import heapq
from collections import Counter
from fractions import Fraction

from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from utils.media.audio_gaps import JITTER_S
from utils.media.container import Media, time_base
from utils.media.header import counted_packets, declared_end, declared_mp3_bytes, listed_bytes
from utils.media.report import DecodeReport
from utils.media.structure import findings

HELD_BYTES = {"matroska,webm": 64, "flv": 32}  # most bytes of the container between two packets of healthy files
RAW = ("aac", "ac3", "dts", "eac3", "flac", "mp3")  # one frame follows the other
TIMED = (
    "matroska,webm",
    "flv",
    "mpegts",
    "mpeg",
    "ogg",
    "mov,mp4,m4a,3gp,3g2,mj2",
)  # packets have times
STEADY = ("mpeg",)  # nothing is left out on purpose, and nothing else shows what is missing
REORDERED = 16  # pictures that come before one that is shown earlier, at most
TAG_BYTES = 128  # at the end of MP3 files, which some encoders count as sound
REGULAR = 0.9  # share of equal intervals that makes a stream of pictures a regular one
MOST_INTERVALS = 1000  # that are told apart


class Completeness:
    """Watches the packets of a file as they are read, and at its end says what of one stream is missing.

    A hole in the times may be meant (a recorder drops frames, speech is sent with pauses), so it is only noted, unless
    there are bytes in the file that no packet holds, or the container is one in which nothing is left out.
    """

    def __init__(self, media: Media, stream: Stream, report: DecodeReport) -> None:
        self._media = media
        self._stream = stream
        self._report = report
        self._format = media.container.format.name
        self._overhead = 0 if self._format in RAW else HELD_BYTES.get(self._format)
        self._file_end: int | None = None  # of the last packet of any stream, in bytes
        self._n_unread = 0  # bytes between packets
        self._n_packets = self._n_bytes = 0  # of the stream
        self._n_hidden = 0  # samples before the sound (priming), which headers may count
        self._end: int | None = None  # the latest end of a packet, in time base units
        self._ended_by_duration = False  # the last packet has one
        self._usual = 0  # longest duration of a packet
        self._n_holes, self._missing = 0, 0  # of the sound; in time base units
        self._latest_s = Fraction(0)  # end of a packet of any stream
        self._first_at = 0  # where the first packet is in the file
        self._waiting: list[int] = []  # times of pictures, put in order
        self._shown: int | None = None  # time of the picture before
        self._intervals: Counter[int] = Counter()

    def see(self, packet: Packet) -> None:
        """Take note of where a packet of any stream is in the file."""
        if packet.stream_index == self._stream.index and (packet.size or packet.dts is not None):  # no flush at the end
            self._first_at = packet.pos or 0 if not self._n_packets else self._first_at
            self._n_packets += 1
            self._n_bytes += packet.size
        if packet.pts is not None and packet.size:
            self._latest_s = max(self._latest_s, (packet.pts + (packet.duration or 0)) * packet.time_base)
        if self._overhead is None or packet.pos is None or packet.pos < 0 or not packet.size:
            return
        if self._file_end is not None and packet.pos - self._file_end > self._overhead:
            self._n_unread += packet.pos - self._file_end
        self._file_end = max(self._file_end or 0, packet.pos + packet.size)

    def take(self, packet: Packet, is_joint: bool) -> None:
        """Take note of when a packet of the stream is."""
        if packet.pts is None:
            return
        duration = packet.duration or 0
        if self._end is None and packet.has_sidedata("skip_samples"):
            self._n_hidden = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
        self._usual = max(self._usual, duration)
        if isinstance(self._stream, AudioStream):
            self._after_sound(packet.pts, duration, is_joint)
        else:
            self._ended_by_duration = duration > 0
            heapq.heappush(self._waiting, packet.pts)
            if len(self._waiting) > REORDERED:
                self._show(heapq.heappop(self._waiting))
        self._end = max(packet.pts if self._end is None else self._end, packet.pts + duration)

    def _after_sound(self, pts: int, duration: int, is_joint: bool) -> None:
        """Take note of a hole before a packet that lasts at least half as long as a packet."""
        is_known = self._end is not None and self._ended_by_duration and not is_joint
        missing = pts - (self._end or 0) if is_known else 0
        self._ended_by_duration = duration > 0
        if missing * time_base(self._stream) > JITTER_S and 2 * missing >= min(duration or missing, self._usual):
            self._n_holes, self._missing = self._n_holes + 1, self._missing + missing

    def _show(self, pts: int) -> None:
        if self._shown is not None and len(self._intervals) < MOST_INTERVALS:
            self._intervals[pts - self._shown] += 1
        self._shown = pts

    def finish(self) -> None:
        """Report what is missing, at the end of the file."""
        while self._waiting:
            self._show(heapq.heappop(self._waiting))
        if self._format in RAW and self._n_unread:
            self._report.damage(f"{self._n_unread} bytes between its frames are no sound")
        self._report_structure()
        if self._format in TIMED:
            self._report_holes()
        self._report_end()

    def _report_structure(self) -> None:
        for is_damage, problem in findings(self._media.source, self._media.container.size, self._format):
            if is_damage:
                self._report.damage(problem)
            else:
                self._report.note(problem)

    def _report_holes(self) -> None:
        """Report holes in the times: as damage where the file says so, too. Decoding reports the others in sound."""
        is_sound = isinstance(self._stream, AudioStream)
        n_holes, missing = (self._n_holes, self._missing) if is_sound else self._holes_between_pictures()
        if not n_holes:
            return
        seconds, places = float(missing * time_base(self._stream)), f"{n_holes} place{'s' * (n_holes > 1)}"
        noun = "sound is" if is_sound else "frames are"
        if self._n_unread or self._format in STEADY or self._report.partial:
            self._report.damage(f"{noun} missing in the file for {seconds:.2f} s in {places}")
        elif not is_sound:
            self._report.note(f"{noun} missing for {seconds:.2f} s in {places}")

    def _holes_between_pictures(self) -> tuple[int, int]:
        """Return how many holes there are in a regular stream, and how long they are together; (0, 0) in any other."""
        total, unit_s = self._intervals.total(), time_base(self._stream)
        if total < REORDERED:
            return 0, 0
        usual = self._intervals.most_common(1)[0][0]
        slack = usual / 4 + float(JITTER_S / unit_s)
        regular = sum(n for interval, n in self._intervals.items() if abs(interval - usual) <= slack)
        holes = {interval: n for interval, n in self._intervals.items() if interval > usual + slack}
        if regular < REGULAR * total or not holes:
            return 0, 0
        return sum(holes.values()), sum((interval - usual) * n for interval, n in holes.items())

    def _report_end(self) -> None:
        """Report fewer packets, or an earlier end, than the header says."""
        if self._end is None:
            return
        unit_s = time_base(self._stream)
        counted = counted_packets(self._media.container, self._stream)
        if counted is not None and self._n_packets < counted and self._media.from_start:
            self._report.damage(f"{self._n_packets} of {counted} packets are in the file")
        listed = listed_bytes(self._media.container, self._stream) if self._media.from_start else 0
        if self._n_bytes < listed:
            self._report.damage(f"{self._n_bytes} of the {listed} bytes that its index lists are in the file")
        stated = declared_mp3_bytes(self._media, self._first_at) - TAG_BYTES
        if self._n_bytes < stated:
            self._report.damage(f"{self._n_bytes} of {stated + TAG_BYTES} bytes of sound are in the file")
        interval = self._intervals.most_common(1)[0][0] if self._intervals else 0
        unsure = self._usual if self._ended_by_duration else 4 * max(interval, self._usual)  # of the last one's length
        stated = declared_end(self._media, self._stream, float(unsure * unit_s))
        end_s = float(self._latest_s if self._format == "flv" else self._end * unit_s)
        if isinstance(self._stream, AudioStream) and self._stream.rate:
            end_s += self._n_hidden / self._stream.rate
        if stated is not None and stated.end_s - end_s > stated.slack_s:
            self._report.damage(f"it ends at {end_s:.2f} s, the header says {stated.end_s:.2f} s")
