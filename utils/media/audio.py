"""The audio of a media file: a bounded stream of mono float32 blocks at the rate asked for."""

import itertools
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from av.audio.frame import AudioFrame

from utils.errors import VideoError
from utils.media.audio_frames import Piece, SourceAudio
from utils.media.audio_rules import REFERENCE, AudioRules
from utils.media.header import stated_length_s
from utils.media.input import MediaSource
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.report import AudioReport
from utils.media.resample import Resampler
from utils.media.segment import WHOLE, Segment

SAMPLE_TYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "s64": np.int64, "flt": np.float32, "dbl": np.float64}


class AudioStream:
    """Iterates once over mono blocks float32 [n] in [-1, 1] at `rate_hz`; a context manager.

    Any codec and container. The steps are those of the VGGish reference: decode at the source's rate, round every
    sample to 16 bits, average the channels, then resample as resampy's kaiser_best does (which may overshoot full scale
    a little). Blocks have about `block_s` seconds; together they have int(n * rate_hz / source rate) samples.

    MP4 edit lists: the reference copies AAC to a bare .aac file first, which loses the edit list, so the few samples
    that the encoder puts before the audio (priming, 1024 with FFmpeg's) stay in. The same is done here, for AAC in the
    MP4 family. An edit list that hides more than PRIMING_MAX samples is a cut that its author made; it is honoured, as
    it is for frames (the reference plays up to a second of it). Other codecs and containers: as played.

    A packet that does not decode is replaced by silence of its length, and a gap between packets by silence as well, so
    that later audio keeps its time; `report` says so.

    segment: the samples from start_s until just before end_s of the clock; they are resampled on their own. Codecs that
        predict from earlier audio or fill in noise give the same within what is audible, others exactly.
    limits: audio later than max_seconds is left out.
    rules: where tools differ, see `AudioRules`.

    Raises:
        VideoError: the file is not media, has no audio stream, yields no sample, or none that decodes.
    """

    def __init__(
        self,
        source: MediaSource,
        rate_hz: int,
        block_s: float = 10.0,
        *,
        segment: Segment = WHOLE,
        limits: Limits = DEFAULT_LIMITS,
        rules: AudioRules = REFERENCE,
    ) -> None:
        self._rate_hz = rate_hz
        self._block_s = block_s
        self._segment = segment
        self._rounds = rules.rounds
        self._source = SourceAudio(source, segment, limits, rules)
        stated_s = stated_length_s(self._source.media.container, self._source.stream)
        self.length_s = segment.length_s(stated_s, limits.max_seconds)  # seconds to decode, None if not known

    @property
    def start_s(self) -> float:
        """Time of the first sample in seconds, known with the first block."""
        return self._source.start_s

    @property
    def decoded_s(self) -> float:
        """Seconds that are decoded, of `length_s`."""
        return max(0.0, self._source.position / max(1, self.report.rate_hz) - (self._segment.start_s or 0.0))

    @property
    def report(self) -> AudioReport:
        """The outcome of decoding."""
        return self._source.report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the blocks; none is empty."""
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
        label, report = self._source.media.label, self.report
        if self._source.position and not self._segment.is_whole:
            length_s = self._source.position / report.rate_hz
            why = f"no audio in the segment{self._segment}: the audio is {length_s:.2f} s long"
            raise VideoError(f"{label}: {why}. Correct the segment in the list.")
        codec = self._source.stream.codec_context.codec.canonical_name
        problems = "; ".join(report.problems)
        why = f"gives no sound: {problems}" if problems else f"is empty: {report.samples} samples decode"
        raise VideoError(f"{label}: its audio stream ({codec}) {why}. Get the file again.")

    def _resampled(self) -> Iterator[np.ndarray]:
        """Yield samples at the rate asked for; after a change of the source's rate, resampling starts over."""
        resampler, rate_hz = None, 0
        for block_rate_hz, block in self._blocks():
            if resampler is None or block_rate_hz != rate_hz:
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
        for source_piece in self._source:
            piece_rate_hz, piece = self.report.rate_hz, self._channels(source_piece)
            if held and (piece_rate_hz != rate_hz or n_held >= self._block_s * rate_hz):
                yield rate_hz, self._joined(held)
                held, n_held = [], 0
            rate_hz = piece_rate_hz
            held.append(piece)
            n_held += piece.shape[-1]
            self.report.samples += piece.shape[-1]
        if held:
            yield rate_hz, self._joined(held)

    def _channels(self, piece: Piece) -> np.ndarray:
        """Return a piece's samples [channels, n] in their type, or silence, float32 [n]."""
        if isinstance(piece.audio, np.ndarray):
            return piece.audio[piece.start : piece.stop]
        try:
            samples = channels(piece.audio)
        except KeyError as error:
            label, kind = self._source.media.label, piece.audio.format.name
            raise VideoError(f"{label}: sample format {kind} is not supported. Convert it to WAV.") from error
        return samples[:, piece.start : piece.stop]

    def _joined(self, pieces: list[np.ndarray]) -> np.ndarray:
        """Return pieces as mono, float32 [n] in [-1, 1]; those of one kind together: a packet has few samples."""
        alike = itertools.groupby(pieces, lambda piece: (piece.dtype, piece.shape[:-1]))
        return np.concatenate([self._mono(np.concatenate(list(group), axis=-1)) for _, group in alike])

    def _mono(self, samples: np.ndarray) -> np.ndarray:
        """Return the mean over channels [channels, n], or what is mono already, float32 [n] in [-1, 1]."""
        if samples.ndim == 1:
            return samples
        if samples.dtype == np.int16 and len(samples) == 1:  # nothing to round and no mean to take
            return samples[0].astype(np.float32) / 32768
        if not self._rounds and samples.dtype.kind == "f":
            mean = samples[0] if len(samples) == 1 else samples.mean(axis=0)
            return (mean if np.isfinite(mean).all() else np.nan_to_num(mean)).astype(np.float32)
        return (to_16_bit(samples).mean(axis=0, dtype=np.float64) / 32768).astype(np.float32)


def channels(frame: AudioFrame) -> np.ndarray:
    """Return a frame's samples [channels, n] in its sample type.

    Unlike PyAV's `to_ndarray` it never looks at more planes than there are channels: of more than eight, PyAV does not
    know where the list of planes ends, and reads memory that is not the frame's.

    Raises:
        KeyError: a sample format that FFmpeg has, but not this table.
    """
    dtype, n_channels = SAMPLE_TYPES[frame.format.packed.name], frame.layout.nb_channels
    if not frame.format.is_planar:
        return np.frombuffer(memoryview(frame.planes[0]), dtype, frame.samples * n_channels).reshape(-1, n_channels).T
    planes = [np.frombuffer(memoryview(plane), dtype, frame.samples) for plane in frame.planes[:n_channels]]
    if n_channels == 1:
        return planes[0][None]
    return np.concatenate(planes).reshape(len(planes), -1)  # np.stack costs more than the copy


def to_16_bit(samples: np.ndarray) -> np.ndarray:
    """Return samples as the values of FFmpeg's 16-bit PCM, of the same shape, float32 of float32, else float64.

    samples: decoded, of any sample type. Floats are scaled by 32768, rounded half to even and clipped; integers keep
    their upper 16 bits. NaN counts as silence.
    """
    if samples.dtype.kind == "f":
        scaled = np.clip(np.rint(samples * 32768), -32768, 32767)
        scaled[np.isnan(scaled)] = 0
        return scaled
    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128) * 256
    return (samples >> (8 * samples.dtype.itemsize - 16)).astype(np.float64)
