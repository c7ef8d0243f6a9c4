"""The sound of a media file as a bounded stream of mono float32 blocks at the rate asked for."""

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.codec.context import Flags2
from av.packet import Packet

from utils.errors import VideoError
from utils.media.container import open_media, require_audio
from utils.media.demux import declared_end_s, declared_packets, read
from utils.media.report import AudioReport
from utils.media.resample_audio import Resampler

PRIMING_MAX = 6144  # samples per channel: three HE-AAC frames, more than any AAC encoder puts before the sound
RATES_HZ = range(1000, 384001)  # a header that says anything else is damaged
LOST_MAX_S = 1.0  # silence put in for one lost packet; no codec has longer ones, so more is a damaged header
SLACK_S = 1.0  # stated durations are rounded: only more than this counts as missing


class AudioStream:
    """Iterates once over mono blocks float32 [n] in [-1, 1] at `rate_hz`; a context manager.

    Any codec and container. The chain is that of the VGGish reference: decode at the source's rate, round every sample
    to 16 bits, take the plain mean over the channels, then resample as resampy's kaiser_best does (which may overshoot
    full scale a little). Blocks hold about `block_s` seconds; together int(n * rate_hz / source rate) samples.

    What MP4 edit lists hide. The reference copies AAC to a bare .aac file first, which forgets the edit list: the few
    samples that the encoder puts before the sound (priming, 1024 with FFmpeg's) stay in. So they do here, for AAC in
    the MP4 family. An edit list that hides more than PRIMING_MAX samples is a cut that its author made; it is honoured,
    as it is for the pictures (the reference plays up to a second of it). Other codecs and containers: as played.

    A packet that does not decode is replaced by silence of its length, so that later sound keeps its time; `report`
    says so. Raises VideoError when the file is no media, has no audio stream, or yields no sample.
    """

    report: AudioReport

    def __init__(self, path: str | os.PathLike[str], rate_hz: int, block_s: float = 10.0) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._block_s = block_s
        self._container = open_media(path)
        try:
            self._stream = require_audio(self._container, path)
            self._context = self._stream.codec_context
            self.report = AudioReport(rate_hz=self._stream.rate)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the blocks, none of them empty."""
        n_yielded = 0
        for block in self._resampled():
            if len(block):
                n_yielded += len(block)
                yield block
        report = self.report
        report.duration_s = report.samples / report.rate_hz if report.rate_hz else 0.0
        if not n_yielded:
            codec = self._context.codec.canonical_name
            why = "; ".join(report.problems) or f"{report.samples} samples decode"
            raise VideoError(f"{self._path}: no sound in its audio stream ({codec}): {why}. Get the file again.")

    def _resampled(self) -> Iterator[np.ndarray]:
        """Yield samples at the rate asked for; a source that changes its rate is resampled piece by piece."""
        resampler, rate_hz = None, None
        for block_rate_hz, block in self._blocks():
            if block_rate_hz != rate_hz:
                if resampler is not None:
                    self.report.note(f"the sample rate changes from {rate_hz} to {block_rate_hz} Hz")
                    yield resampler.finish()
                resampler, rate_hz = Resampler(block_rate_hz, self._rate_hz), block_rate_hz
            yield resampler.push(block)
        if resampler is not None:
            yield resampler.finish()

    def _blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (rate, mono float32 [n]) of about `block_s` seconds at the source's rate."""
        held: list[np.ndarray] = []
        n_held, rate_hz = 0, 0
        for piece_rate_hz, piece in self._pieces():
            if held and (piece_rate_hz != rate_hz or n_held >= self._block_s * rate_hz):
                yield rate_hz, np.concatenate(held)
                held, n_held = [], 0
            rate_hz = piece_rate_hz
            held.append(piece)
            n_held += len(piece)
            self.report.samples += len(piece)
        if held:
            yield rate_hz, np.concatenate(held)

    def _pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (rate, mono float32 [n]) per decoded frame or lost packet; then complete the report."""
        n_packets = n_lost = n_damaged = end = 0
        for packet in read(self._container, self._stream, self.report):
            if not n_packets:
                self._keep_priming(packet)
            n_packets += packet is not None
            try:
                frames = self._context.decode(packet)
            except av.FFmpegError:
                n_lost += 1
                yield self.report.rate_hz, self._silence(packet)
                continue
            for frame in frames:
                n_damaged += frame.is_corrupt
                yield self._checked_rate(frame), self._mono(frame)
            if packet is not None and packet.pts is not None:
                end = packet.pts + (packet.duration or 0)
        if n_lost:
            self.report.damage(f"{n_lost} of {n_packets} packets do not decode")
        if n_damaged:
            self.report.damage(f"{n_damaged} frames are damaged")
        self._compare_with_header(n_packets, end)

    def _keep_priming(self, first: Packet | None) -> None:
        """Tell the decoder to keep encoder priming where the reference keeps it."""
        in_mp4 = self._container.format.name.startswith("mov,")
        if not in_mp4 or first is None or first.pts is None or self._context.codec.canonical_name != "aac":
            return
        n_hidden = -first.pts * self._stream.time_base * self._stream.rate
        if n_hidden <= PRIMING_MAX:
            self._context.flags2 |= Flags2.skip_manual

    def _checked_rate(self, frame: av.AudioFrame) -> int:
        """Return the frame's rate, known to be possible."""
        if frame.sample_rate not in RATES_HZ:
            odd = f"a sample rate of {frame.sample_rate} Hz"
            raise VideoError(f"{self._path}: {odd}. Get the file again, or convert it.")
        self.report.rate_hz = frame.sample_rate
        return frame.sample_rate

    def _mono(self, frame: av.AudioFrame) -> np.ndarray:
        """Return the mean over the channels of a frame's samples rounded to 16 bits, float32 [n] in [-1, 1]."""
        try:
            samples = frame.to_ndarray()
        except ValueError as error:
            raise VideoError(f"{self._path}: sample format {frame.format.name}: {error}. Convert it to WAV.") from error
        if not frame.format.is_planar:
            samples = samples.reshape(-1, frame.layout.nb_channels).T
        return (to_16_bit(samples).mean(axis=0) / 32768).astype(np.float32)

    def _silence(self, packet: Packet | None) -> np.ndarray:
        """Return silence of a lost packet's length at the source's rate."""
        if packet is None or not packet.duration:
            return np.empty(0, np.float32)
        lost_s = min(LOST_MAX_S, float(packet.duration * packet.time_base))
        return np.zeros(round(lost_s * self.report.rate_hz), np.float32)

    def _compare_with_header(self, n_packets: int, end: int) -> None:
        """Note what the header promises beyond what was read. end: of the last packet, in time base units."""
        declared = declared_packets(self._container, self._stream, shown=False)
        if declared is not None and n_packets < declared:
            self.report.damage(f"{n_packets} of {declared} packets are in the file")
        promised_s, read_s = declared_end_s(self._container, self._stream), float(end * self._stream.time_base)
        if promised_s is not None and promised_s - read_s > SLACK_S:
            self.report.damage(f"it ends at {read_s:.2f} s, the header says {promised_s:.2f} s")


def to_16_bit(samples: np.ndarray) -> np.ndarray:
    """Return samples as the values that FFmpeg's 16-bit PCM would hold, float64 of the same shape.

    samples: decoded, of any sample type. Floats are scaled by 32768, rounded half to even and clipped; integers keep
    their upper 16 bits. A float that is no number counts as silence.
    """
    if samples.dtype.kind == "f":
        scaled = np.rint(np.nan_to_num(samples.astype(np.float64) * 32768, nan=0.0))
        return np.clip(scaled, -32768, 32767)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128) * 256
    return (samples >> (8 * samples.dtype.itemsize - 16)).astype(np.float64)
