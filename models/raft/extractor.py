"""RAFT for the pipeline: flow itself."""

from pathlib import Path

from torch import Tensor

from models.raft.preprocess import unpad
from models.raft.weights import load_raft, random_raft
from utils.extractors.flow import FlowExtractor
from utils.nn.flow import FlowNetwork


class RAFTExtractor(FlowExtractor):
    """Flow [frames - 1, 2, H, W]."""

    key = "raft"

    def load_network(self, path: Path | None) -> FlowNetwork:
        """Return RAFT."""
        return load_raft(path) if path else random_raft()

    def crop_to_frame(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the flow without the padding that the network added."""
        return unpad(flow, size)
