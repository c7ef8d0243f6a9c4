"""VGGish for the pipeline: examples of 0.975 s of sound, one every 0.96 s or --hop_s."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from models.vggish.config import VGGishConfig
from models.vggish.postprocess import Postprocessor
from models.vggish.preprocess import EXAMPLE_SAMPLES, EXAMPLE_STEP, SAMPLE_RATE_HZ, log_mel
from models.vggish.weights import load_tensorflow_vggish, load_vggish, random_tensorflow_vggish, random_vggish
from utils.errors import UserError
from utils.extractors.base import FLOAT32, AudioExtractor, AudioStreamInfo, Batch, NoWindows
from utils.extractors.windows import Aligned, Dense, Sampling
from utils.media.audio_rules import AudioRules
from utils.nn.prepare import ComputeMode, prepare_layers

LAYERS = tuple(f"layer_{i}" for i in range(5))


class VGGishExtractor(AudioExtractor[VGGishConfig]):
    """One 128-d embedding per hop: float32, or uint8 with --postprocess. Or, with --layers, five means of maps."""

    rate_hz = SAMPLE_RATE_HZ
    rows_per_thread = 4
    _postprocess: Postprocessor | None = None

    def load(self) -> None:
        """Load the network of the chosen backend, and the principal axes for --postprocess."""
        self._network = self._load_network()
        log_mel(torch.zeros(1, EXAMPLE_SAMPLES, device=self.device))  # or each thread would make its constants
        if self.config.postprocess:
            path = self.checkpoints["pca"]
            self._postprocess = Postprocessor.load(path) if path else Postprocessor.random()

    def _load_network(self) -> Callable[[Tensor], tuple[Tensor, ...]]:
        path = self.checkpoints["vggish"]
        if self.config.vggish_backend == "tf":
            if self.compute not in (FLOAT32, ComputeMode("auto")):
                raise UserError("--precision and --compile are for the PyTorch backend: drop --vggish_backend")
            return load_tensorflow_vggish(path, self.device) if path else random_tensorflow_vggish(self.device)
        network = prepare_layers(load_vggish(path) if path else random_vggish(), self.device, self.compute)
        run = network.layers if self.config.layers else network
        return torch.compile(run) if self.compute.compile else run

    @property
    def keys(self) -> Sequence[str]:
        """One array per file, <name>_vggish, or one per layer."""
        return LAYERS if self.config.layers else ("vggish",)

    @property
    def batch_size(self) -> int:
        """Examples per batch."""
        return 120 if self.device.type == "cpu" else 256

    @property
    def audio_rules(self) -> AudioRules:
        """As --preset and --sound_clock say."""
        return self.config.audio_rules

    def sampling(self, info: AudioStreamInfo) -> Sampling:
        """Return the samples of each example; the rest at the end is dropped, as in all implementations."""
        align = self.config.align_rows
        return Dense(EXAMPLE_SAMPLES, self._hop) if align == "start" else Aligned(EXAMPLE_SAMPLES, self._hop, align)

    @property
    def _hop(self) -> int:
        """Samples from row to row."""
        return EXAMPLE_STEP if self.config.hop_s is None else round(self.config.hop_s * SAMPLE_RATE_HZ)

    def no_windows(self, n_frames: int, info: AudioStreamInfo) -> NoWindows:
        """Return the outcome of sound shorter than one example, or than a hop where zeros fill examples."""
        seconds = n_frames / SAMPLE_RATE_HZ
        needed = (EXAMPLE_SAMPLES if self.config.align_rows == "start" else self._hop) / SAMPLE_RATE_HZ
        return NoWindows(
            "failed",
            f"{seconds:.3f} s of sound, VGGish needs at least {needed} s; lengthen the file or leave it out",
        )

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return embeddings [B, 128], or each layer [B, D], of waveforms [B, 15600]."""
        outputs = [rows.float() for rows in self._network(log_mel(batch["samples"]).to(self.compute.dtype))]
        if self.config.layers:
            return dict(zip(LAYERS, outputs, strict=True))
        embedding, preactivation = outputs
        chosen = preactivation if self.config.preactivation else embedding
        return {"vggish": chosen}

    def finish(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the rows [examples, D], with --postprocess as uint8; or their mean [D]."""
        if self._postprocess:
            arrays = {key: self._postprocess(rows) for key, rows in arrays.items()}
        return {key: rows.mean(0) for key, rows in arrays.items()} if self.config.averages else arrays
