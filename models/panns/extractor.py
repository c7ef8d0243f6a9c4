"""PANNs CNN14 for the pipeline: one embedding per window of sound."""

from collections.abc import Sequence

from torch import Tensor

from models.panns.config import PANNsConfig
from models.panns.preprocess import log_mel
from models.panns.weights import load_panns, random_panns
from utils.extractors.base import AudioExtractor, AudioStreamInfo, Batch, NoWindows
from utils.extractors.windows import Aligned, Dense, Sampling
from utils.media.audio_rules import AudioRules


class PANNsExtractor(AudioExtractor[PANNsConfig]):
    """Embeddings [windows, 2048]."""

    def load(self) -> None:
        """Load the network onto the device."""
        self.rate_hz = self.config.front_end.rate_hz
        path = self.checkpoints["panns"]
        network = load_panns(path, self.config.model_name) if path else random_panns()
        self._network = self.prepare_network(network, float32_parts=("fc1", "classifier"))

    @property
    def keys(self) -> Sequence[str]:
        """One array per file, <name>_panns."""
        return ("panns",)

    @property
    def batch_size(self) -> int:
        """Windows per batch: about 20 s of sound on a CPU, 100 s on a GPU."""
        seconds = 20 if self.device.type == "cpu" else 100
        return max(1, int(seconds / self.config.window_s))

    @property
    def audio_rules(self) -> AudioRules:
        """As --sound_clock says."""
        return self.config.audio_rules

    def sampling(self, info: AudioStreamInfo) -> Sampling:
        """Return the samples of each window."""
        window, config = self.config.window, self.config
        return Dense(*window, tail=config.tail) if config.align_rows == "start" else Aligned(*window, config.align_rows)

    def no_windows(self, n_frames: int, info: AudioStreamInfo) -> NoWindows:
        """Return the outcome of sound shorter than one window, or than a hop where zeros fill windows."""
        config = self.config
        by_start = config.align_rows == "start" or not config.hop_s
        needed = f"{config.window_s:g} s of one --window_s" if by_start else f"{config.hop_s:g} s of one --hop_s"
        return NoWindows("failed", f"{n_frames / info.rate_hz:.3f} s of sound, less than the {needed}")

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return embeddings [B, 2048] of waveforms [B, n]."""
        embeddings, _ = self._network(log_mel(batch["samples"], self.config.front_end))
        return {"panns": embeddings}
