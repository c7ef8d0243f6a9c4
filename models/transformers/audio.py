"""Models of transformers for the pipeline: of audio. The library's processors make spectrograms, window by window."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.transformers.config import TransformersConfig, keys_of
from models.transformers.families import Family
from models.transformers.labels import load_network, outputs_by_key
from models.transformers.pretrained import family, model_folder
from models.transformers.weights import load_processor
from utils.errors import UserError
from utils.extractors.base import AudioExtractor, AudioStreamInfo, Batch, NoWindows
from utils.extractors.windows import Aligned, Dense, Sampling, Window
from utils.media.audio_rules import AudioRules

LEAST_S = 0.05  # of sound, that any of the networks takes
AST_WINDOW, AST_HOP = 400, 160  # samples of a spectrum, and between spectra


class AudioModelExtractor(AudioExtractor[TransformersConfig]):
    """Features [windows, D]; with more dimensions where they are not pooled."""

    def load(self) -> None:
        """Load the network, and the processor that belongs to its weights."""
        config, folder = self.config, model_folder(self.config)
        _, self._family = family(config)
        given = ("extraction_fps", "stack_size", "frame_interval", "step_size", "step_s", "resize", "crop_type")
        if wrong := [name for name in given if getattr(config, name) is not None]:
            raise UserError(f"--{wrong[0]}: {config.model_name} takes sound, not pictures; use --window_s and --hop_s")
        self._processor = load_processor(folder, self._family)
        self.rate_hz = self._processor.sampling_rate
        own = own_window(self._processor, self._family)
        self._size = own if config.window_s is None else round(config.window_s * self.rate_hz)
        if self._family.window_s is None and self._size > own:
            raise UserError(
                f"--window_s {config.window_s:g}: {config.model_name} takes {own / self.rate_hz:g} s at most"
            )
        self._network = self.prepare_network(load_network(self))

    @property
    def keys(self) -> Sequence[str]:
        """One array, or one for each of --layer."""
        return keys_of(self.config)

    @property
    def audio_rules(self) -> AudioRules:
        """As --sound_clock says."""
        return self.config.audio_rules

    def sampling(self, info: AudioStreamInfo) -> Sampling:
        """Return windows from the start on, all of the sound if it is shorter than one; or as --align_rows says."""
        hop_s, align = self.config.hop_s, self.config.align_rows
        step = self._size if hop_s is None else round(hop_s * info.rate_hz)
        if align != "start":
            return Aligned(self._size, step, align)
        return _ShortOnes(self._size, step, tail=self.config.tail, least=round(LEAST_S * info.rate_hz))

    def no_windows(self, n_frames: int, info: AudioStreamInfo) -> NoWindows:
        """Return the outcome of sound that the network cannot take, or that is shorter than a hop of --align_rows."""
        needed = LEAST_S if self.config.align_rows == "start" else self.config.hop_s or self._size / info.rate_hz
        return NoWindows("failed", f"{n_frames / info.rate_hz:.3f} s of sound, less than {needed:g} s")

    def inputs(self, samples: Tensor) -> tuple[Tensor, ...]:
        """Return what the library's processor makes of windows [B, n], made one by one, on their device."""
        rows = [self._processor(row, sampling_rate=self.rate_hz, return_tensors="pt") for row in samples.cpu().numpy()]
        names = (self._family.inputs, *(("is_longer",) if "is_longer" in rows[0] else ()))
        found = (torch.cat([torch.as_tensor(row[name]) for row in rows]) for name in names)
        return tuple((each.float() if each.is_floating_point() else each).to(samples.device) for each in found)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, ...]."""
        return outputs_by_key(self, self._network(*self.inputs(batch["samples"])))


@dataclass(frozen=True)
class _ShortOnes(Dense):
    """Windows of sound, and of shorter sound one with all of it, which the processor pads as the model expects.

    least: samples of such a window.
    """

    least: int = 1

    def rest(self, n_frames: int, n_full: int) -> list[Window]:
        """Return the window of sound that is shorter than one; of other sound, what --tail says."""
        if n_full == 0:
            return [Window(0, range(n_frames))] if n_frames >= self.least else []
        return super().rest(n_frames, n_full)


def own_window(processor: object, kind: Family) -> int:
    """Return the samples that a model takes at once."""
    rate_hz = int(vars(processor)["sampling_rate"])
    if kind.window_s is not None:
        return round(kind.window_s * rate_hz)
    if kind.processor == "ASTFeatureExtractor":  # enough for max_length spectra
        return AST_WINDOW + (int(vars(processor)["max_length"]) - 1) * AST_HOP
    samples = vars(processor).get("nb_max_samples") or vars(processor).get("n_samples")
    return int(samples or 0)
