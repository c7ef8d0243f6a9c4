"""The settings of ResNet."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import check_choices, flag
from utils.config.shared_flags import check_frames

GROUP = "resnet"
MODEL_NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


@dataclass(frozen=True)
class ResNetConfig:
    """What `--feature_type resnet` lets the user choose."""

    model_name: str = flag("resnet50", "which network", group=GROUP, choices=MODEL_NAMES)
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    extraction_total: int | None = shared_flags.extraction_total(GROUP)
    decode: str = shared_flags.decode(GROUP)
    show_pred: bool = shared_flags.show_pred(GROUP, "ImageNet")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file")

    def __post_init__(self) -> None:
        check_choices(self)
        check_frames(self)
