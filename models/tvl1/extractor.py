"""TV-L1 for the pipeline: flow itself."""

from pathlib import Path

from models.tvl1.network import TVL1
from utils.errors import UserError
from utils.extractors.flow import FlowExtractor
from utils.nn.flow import FlowNetwork


class TVL1Extractor(FlowExtractor):
    """Flow [frames - 1, 2, H, W]."""

    key = "tvl1"

    def load(self) -> None:
        """Make the solver on the device.

        Raises:
            UserError: for --compile, since there is no network.
        """
        if self.compute.compile:
            raise UserError("--compile: tvl1 is not a network, and nothing in it is compiled; leave it out")
        super().load()

    def load_network(self, path: Path | None) -> FlowNetwork:
        """Return TV-L1, which has no checkpoint."""
        return TVL1()
