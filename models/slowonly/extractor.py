"""SlowOnly for the pipeline."""

from pathlib import Path

from torch import nn

from models.slowonly.config import SlowOnlyConfig
from models.slowonly.weights import load_slowonly, random_slowonly
from utils.extractors.clips import VideoClipsExtractor


class SlowOnlyExtractor(VideoClipsExtractor[SlowOnlyConfig]):
    """One vector per video, [2048], unless --average keeps clips or crops."""

    key = "slowonly"
    clips_at_once = (2, 32)

    def network(self, path: Path | None) -> nn.Module:
        """Return the network, from a checkpoint or with random weights."""
        return load_slowonly(path) if path else random_slowonly()
