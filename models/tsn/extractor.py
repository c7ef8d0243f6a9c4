"""TSN for the pipeline."""

from pathlib import Path

from torch import nn

from models.tsn.config import TSNConfig
from models.tsn.weights import load_tsn, random_tsn
from utils.extractors.clips import VideoClipsExtractor


class TSNExtractor(VideoClipsExtractor[TSNConfig]):
    """One vector per video, [2048], unless --average keeps clips or crops."""

    key = "tsn"
    float32_parts = ("classifier", "backbone.avgpool")
    clips_at_once = (8, 64)

    def network(self, path: Path | None) -> nn.Module:
        """Return the network, from a checkpoint or with random weights."""
        return load_tsn(path) if path else random_tsn()
