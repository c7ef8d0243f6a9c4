"""The settings of PWC-Net."""

from dataclasses import dataclass

from utils.config.schema import flag
from utils.extractors.flow_config import GROUP, FlowConfig


@dataclass(frozen=True)
class PWCConfig(FlowConfig):
    """The flags of `--feature_type pwc`."""

    checkpoint: str | None = flag(
        None, "file used as pwc_net_sintel.pt", group=GROUP, shapes_output=False, metavar="FILE"
    )
