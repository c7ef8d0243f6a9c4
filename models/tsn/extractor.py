"""TSN for the pipeline."""

from pathlib import Path

from torch import nn

from models.tsn.weights import load_tsn, random_tsn
from utils.extractors.clips import VideoClipsExtractor


class TSNExtractor(VideoClipsExtractor):
    """One vector per video, [2048], unless --average leaves clips or crops apart."""

    key = "tsn"
    float32_parts = ("classifier", "backbone.avgpool")
    clips_at_once = (8, 64)

    def network(self, path: Path | None) -> nn.Module:
        """Return the network with the weights of a file, or random ones."""
        return load_tsn(path) if path else random_tsn()
