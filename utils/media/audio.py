"""The sound of a media file as a bounded stream of mono float32 blocks at the rate asked for."""

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np

from utils.errors import VideoError
from utils.media.audio_frames import Piece, SourceAudio
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.report import AudioReport
from utils.media.resample import Resampler
from utils.media.segment import WHOLE, Segment


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

    segment: the samples that decoding the whole gives from start_s until before end_s, its first sample being at 0;
        they are resampled by themselves. Codecs that predict from earlier sound or fill in noise give the same within
        what is audible, others exactly (see `SourceAudio`).
    limits: sound later than max_seconds is left out.
    """

    def __init__(
        self,
        source: MediaSource,
        rate_hz: int,
        block_s: float = 10.0,
        *,
        segment: Segment = WHOLE,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._rate_hz = rate_hz
        self._block_s = block_s
        self._segment = segment
        self._sound = SourceAudio(source, segment, limits)

    @property
    def report(self) -> AudioReport:
        """What came of decoding."""
        return self._sound.report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._sound.close()

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
            self._refuse()

    def _refuse(self) -> None:
        """Raise VideoError for a file, or a segment, without a sample."""
        label, report = self._sound.media.label, self.report
        if self._sound.position and not self._segment.is_whole:
            length_s = self._sound.position / report.rate_hz
            why = f"nothing is heard in the segment{self._segment}: the sound is {length_s:.2f} s long"
            raise VideoError(f"{label}: {why}. Correct the segment in the list.")
        codec = self._sound.stream.codec_context.codec.canonical_name
        why = "; ".join(report.problems) or f"{report.samples} samples decode"
        raise VideoError(f"{label}: no sound in its audio stream ({codec}): {why}. Get the file again.")

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
        for source_piece in self._sound:
            piece_rate_hz, piece = self.report.rate_hz, self._mono(source_piece)
            if held and (piece_rate_hz != rate_hz or n_held >= self._block_s * rate_hz):
                yield rate_hz, np.concatenate(held)
                held, n_held = [], 0
            rate_hz = piece_rate_hz
            held.append(piece)
            n_held += len(piece)
            self.report.samples += len(piece)
        if held:
            yield rate_hz, np.concatenate(held)

    def _mono(self, piece: Piece) -> np.ndarray:
        """Return the mean over the channels of a piece's samples rounded to 16 bits, float32 [n] in [-1, 1]."""
        if isinstance(piece.sound, np.ndarray):
            return piece.sound[piece.start : piece.stop]
        frame = piece.sound
        try:
            samples = frame.to_ndarray()
        except ValueError as error:
            label, kind = self._sound.media.label, frame.format.name
            raise VideoError(f"{label}: sample format {kind}: {error}. Convert it to WAV.") from error
        if not frame.format.is_planar:
            samples = samples.reshape(-1, frame.layout.nb_channels).T
        samples = samples[:, piece.start : piece.stop]
        if samples.dtype == np.int16 and len(samples) == 1:  # nothing to round and no mean to take
            return samples[0].astype(np.float32) / 32768
        return (to_16_bit(samples).mean(axis=0) / 32768).astype(np.float32)


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
