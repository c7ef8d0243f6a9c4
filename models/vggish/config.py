"""The settings of VGGish."""

from dataclasses import dataclass
from typing import cast

from utils.config import shared_flags
from utils.config.schema import Config, flag
from utils.errors import UserError
from utils.media.audio_rules import ACAV100M, AudioClock, AudioRules

GROUP = "vggish"


@dataclass(frozen=True)
class VGGishConfig(Config):
    """The flags of `--feature_type vggish`."""

    preset: str = flag(
        "video_features",
        "whose handling of sound to follow. video_features: AAC's priming, all of the file, 16-bit samples; acav100m: "
        "no priming, what begins in the first 10 s, the decoder's floats, always --sound_clock samples",
        group=GROUP,
        choices=("video_features", "acav100m"),
        added_later=True,
    )
    sound_clock: str = shared_flags.sound_clock(GROUP)
    hop_s: float | None = shared_flags.hop_s(GROUP, "(default: 0.96)", added_later=True)
    align_rows: str = shared_flags.align_rows(GROUP)
    vggish_backend: str = flag(
        "torch",
        "library that runs the network; tf needs TensorFlow and tf-slim. Both read the same checkpoint and agree",
        group=GROUP,
        choices=("torch", "tf"),
    )
    preactivation: bool = flag(
        False, "embeddings before the last ReLU, as in AudioSet's released features", group=GROUP
    )
    postprocess: bool = flag(
        False, "PCA, whitening and 8 bits, as in AudioSet's released features: uint8 output", group=GROUP
    )
    layers: bool = flag(
        False,
        "layer_0 to layer_4: means of the four pooled maps (64, 128, 256, 512), and the embedding",
        group=GROUP,
    )
    average: str = flag(
        "auto",
        "clips: one mean over all examples of a file; none: one row per example; auto: clips with --layers, else none",
        group=GROUP,
        choices=("auto", "clips", "none"),
    )
    vggish_model_path: str | None = flag(
        None,
        "file used as vggish_model.ckpt (torchvggish's .pth too)",
        group=GROUP,
        shapes_output=False,
        metavar="FILE",
    )
    vggish_pca_path: str | None = flag(
        None, "file used as vggish_pca_params.npz", group=GROUP, shapes_output=False, metavar="FILE"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vggish_pca_path and not self.postprocess:
            raise UserError("--vggish_pca_path is for --postprocess: add that, or drop the path")
        self._check_layers()

    @property
    def audio_rules(self) -> AudioRules:
        """How sound is heard."""
        return ACAV100M if self.preset == "acav100m" else AudioRules(cast(AudioClock, self.sound_clock))

    def _check_layers(self) -> None:
        if self.layers and (self.postprocess or self.preactivation):
            flag_name = "--postprocess" if self.postprocess else "--preactivation"
            raise UserError(f"{flag_name} is for the plain embedding and --layers saves others: drop one of them")
        if self.layers and self.vggish_backend == "tf":
            raise UserError(
                "--layers needs the PyTorch backend, which reads the same checkpoint: drop --vggish_backend"
            )
        if self.average == "clips" and self.postprocess:
            raise UserError("--average clips would mix the 8-bit levels of --postprocess: drop one of them")

    @property
    def averages(self) -> bool:
        """Whether a file's mean over its examples is saved."""
        return self.average == "clips" or (self.average == "auto" and self.layers)
