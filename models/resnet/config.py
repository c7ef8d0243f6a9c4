"""The settings of ResNet."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.extractors.frames_config import FramewiseConfig

GROUP = "resnet"
MODEL_NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


@dataclass(frozen=True)
class ResNetConfig(FramewiseConfig):
    """The flags of `--feature_type resnet`."""

    model_name: str = flag("resnet50", "network", group=GROUP, choices=MODEL_NAMES)
    show_pred: bool = shared_flags.show_pred(GROUP, "ImageNet")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file")
