"""The settings of timm's models."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.frames_config import FramewiseConfig

GROUP = "timm"


@dataclass(frozen=True)
class TimmConfig(FramewiseConfig):
    """The flags of `--feature_type timm`."""

    model_name: str = flag(
        "",
        "model of timm, with or without the tag of its weights, e.g. vit_small_patch14_dinov2.lvd142m",
        group=GROUP,
        metavar="NAME",
    )
    show_pred: bool = shared_flags.show_pred(GROUP, "ImageNet-1k")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the model's own weights")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.model_name:
            raise UserError(
                "--model_name is missing: a model of timm, e.g. vit_small_patch14_dinov2.lvd142m or resnet50.a1_in1k"
            )
