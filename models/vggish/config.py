"""The settings of VGGish."""

from dataclasses import dataclass

from utils.config import check_choices, flag
from utils.errors import UserError

GROUP = "vggish"


@dataclass(frozen=True)
class VGGishConfig:
    """What `--feature_type vggish` lets the user choose."""

    vggish_backend: str = flag(
        "torch",
        "what runs the network; tf needs TensorFlow and tf-slim. Both read the same checkpoint and agree",
        group=GROUP,
        choices=("torch", "tf"),
    )
    preactivation: bool = flag(
        False, "embeddings before the last ReLU, as in AudioSet's released features", group=GROUP
    )
    postprocess: bool = flag(
        False, "PCA, whitening and 8 bits, as in AudioSet's released features: uint8 output", group=GROUP
    )
    vggish_model_path: str | None = flag(
        None, "file used as vggish_model.ckpt (torchvggish's .pth too)", group=GROUP, shapes_output=False
    )
    vggish_pca_path: str | None = flag(None, "file used as vggish_pca_params.npz", group=GROUP, shapes_output=False)

    def __post_init__(self) -> None:
        check_choices(self)
        if self.vggish_pca_path and not self.postprocess:
            raise UserError("--vggish_pca_path is used by --postprocess only: add it, or drop the path")
