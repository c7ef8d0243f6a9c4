"""I3D ResNet-50 for the pipeline."""

from pathlib import Path

from torch import nn

from models.i3d_r50.weights import load_i3d_r50, random_i3d_r50
from utils.extractors.clips import VideoClipsExtractor


class I3DR50Extractor(VideoClipsExtractor):
    """Features [clips, crops, 2048], or their averages by --average."""

    key = "i3d_r50"
    clips_at_once = (1, 8)

    def network(self, path: Path | None) -> nn.Module:
        """Return the network, from a checkpoint or with random weights."""
        return load_i3d_r50(path) if path else random_i3d_r50()
