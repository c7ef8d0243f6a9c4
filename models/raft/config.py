"""The settings of RAFT."""

from dataclasses import dataclass

from utils.config.schema import flag
from utils.extractors.flow_config import GROUP, FlowConfig


@dataclass(frozen=True)
class RAFTConfig(FlowConfig):
    """The flags of `--feature_type raft`."""

    finetuned_on: str = flag("sintel", "data set of the published weights", group=GROUP, choices=("sintel", "kitti"))
    checkpoint: str | None = flag(
        None, "file used as raft-sintel.pth or raft-kitti.pth", group=GROUP, shapes_output=False, metavar="FILE"
    )
