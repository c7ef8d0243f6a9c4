"""The settings of TV-L1."""

from dataclasses import dataclass

from utils.extractors.flow_config import FlowConfig


@dataclass(frozen=True)
class TVL1Config(FlowConfig):
    """The flags of `--feature_type tvl1`."""
