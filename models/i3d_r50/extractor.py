"""I3D ResNet-50 for the pipeline."""

from pathlib import Path

from torch import Tensor, nn

from models.i3d_r50.config import I3DR50Config
from models.i3d_r50.weights import load_i3d_r50, random_i3d_r50
from utils.extractors.base import VideoStreamInfo
from utils.extractors.clips import VideoClipsExtractor
from utils.extractors.placement import loop
from utils.extractors.windows import Listed, Sampling
from utils.transforms import crops

SCALINGS = {"extractor": ((127.5,) * 3, (127.5,) * 3), "training": ((114.75,) * 3, (57.375,) * 3)}  # mean, deviation


class I3DR50Extractor(VideoClipsExtractor[I3DR50Config]):
    """Features [clips, crops, 2048], or their averages by --average."""

    key = "i3d_r50"
    clips_at_once = (1, 8)

    def network(self, path: Path | None) -> nn.Module:
        """Return the network, from a checkpoint or with random weights."""
        variant = self.config.variant
        return load_i3d_r50(path, variant) if path else random_i3d_r50(variant)

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return the clips; under --preset anomaly all whole ones, or the repeated video if it is shorter than one."""
        config = self.config
        if config.preset != "anomaly" or config.chosen.num_clips != -1 or not info.n_frames:
            return super().sampling(info)
        interval = config.interval(info.fps)
        span = config.stack_size * interval
        starts = range(0, max(info.n_frames - span, 0) + 1, config.frequency or span)
        return Listed(loop(starts, info.n_frames, config.stack_size, interval))

    def network_input(self, clips: Tensor) -> Tensor:
        """Return clips as the network's input, scaled as the variant and --input_scaling say."""
        if self.config.variant != "baseline":
            return super().network_input(clips)
        return crops.network_input(clips, *SCALINGS[self.config.input_scaling], self.compute.dtype)
