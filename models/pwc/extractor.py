"""PWC-Net for the pipeline: flow itself."""

from pathlib import Path

from models.pwc.weights import load_pwc, random_pwc
from utils.extractors.flow import FlowExtractor
from utils.nn.flow import FlowNetwork


class PWCExtractor(FlowExtractor):
    """Flow [frames - 1, 2, H, W]."""

    key = "pwc"

    def load_network(self, path: Path | None) -> FlowNetwork:
        """Return PWC-Net."""
        return load_pwc(path) if path else random_pwc()
