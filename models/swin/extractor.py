"""Video Swin for the pipeline."""

from pathlib import Path

from torch import nn

from models.swin.config import SwinConfig
from models.swin.weights import load_swin, random_swin
from utils.extractors.clips import VideoClipsExtractor


class SwinExtractor(VideoClipsExtractor[SwinConfig]):
    """Features [clips, crops, 768], or their averages by --average."""

    key = "swin"
    float32_parts = ("classifier", "backbone.avgpool")
    clips_at_once = (1, 8)

    def network(self, path: Path | None) -> nn.Module:
        """Return the network, from a checkpoint or with random weights."""
        return load_swin(path) if path else random_swin()
