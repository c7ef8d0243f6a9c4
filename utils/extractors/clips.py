"""What models that see clips of a video in several views share: windows, views, batches, averages."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
from torch import Tensor, nn

from utils.extractors import placement
from utils.extractors.base import Batch, NoWindows, VideoExtractor, VideoStreamInfo
from utils.extractors.clips_config import VideoClipsConfig
from utils.extractors.views import Views
from utils.extractors.windows import Listed, Sampling
from utils.transforms import crops
from utils.transforms.geometry import shorter_side, shorter_side_rounded, wide
from utils.transforms.opencv import resize_opencv
from utils.transforms.pillow import resize_pillow_13

RESIZE_BY_PRESET = {  # a preset's resize → the function for its size, and the function that resizes
    "opencv": (shorter_side_rounded, resize_opencv),
    "antialias": (shorter_side, crops.resize_rounded),
    "lanczos": (wide, partial(resize_pillow_13, filter="lanczos")),
}
AVERAGED = {"clips": (0,), "crops": (1,), "both": (0, 1), "none": ()}  # --average → axes of [clips, crops, D]


ClipsConfigT = TypeVar("ClipsConfigT", bound=VideoClipsConfig)


class VideoClipsExtractor(VideoExtractor[ClipsConfigT]):
    """Features of clips and views, [clips, crops, D] float32, or their averages by --average.

    The network takes float32 [N, 3, T, H, W] and returns features [N, D] and logits [N, classes].
    """

    label_set = "kinetics400"
    key: ClassVar[str]  # of the output and of the checkpoint
    float32_parts: ClassVar[tuple[str, ...]] = ("classifier",)  # of the network, see Extractor.prepare_network
    clips_at_once: ClassVar[tuple[int, int]]  # that fill a CPU (one crop of each at a time) and a GPU

    @abstractmethod
    def network(self, path: Path | None) -> nn.Module:
        """Return the network in evaluation mode, on the CPU. path: a checkpoint, or None for random weights."""

    def load(self) -> None:
        """Load the network onto the device."""
        chosen = self.config.chosen
        self.views = Views(crops.CROPS[chosen.crops][chosen.crop_type], chosen.crop_size)
        self._network = self.prepare_network(self.network(self.checkpoints[self.key]), self.float32_parts)

    @property
    def needs_times(self) -> bool:
        """True: clips are placed by the number of frames."""
        return True

    @property
    def with_times(self) -> bool:
        """Whether rows have times: not if clips are averaged."""
        return not self.config.averages

    @property
    def keys(self) -> Sequence[str]:
        """One array per video, <name>_<key>."""
        return (self.key,)

    @property
    def batch_size(self) -> int:
        """Clips per batch."""
        return self.clips_at_once[self.device.type != "cpu"]

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return the clips, placed by the number of frames; a short video is repeated to fill them."""
        chosen, interval = self.config.chosen, self.config.interval(info.fps)
        return Listed(
            placement.place(chosen.placement, info.n_frames, self.config.stack_size, interval, chosen.num_clips)
        )

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video without frames; a single frame can fill all clips."""
        if self.config.extraction_fps is not None:
            return NoWindows("failed", f"too short for a frame at --extraction_fps {self.config.extraction_fps:g}")
        return NoWindows("failed", "no frame could be decoded; get the file again")

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames resized to a shorter side of --side_size, or as --resize says, uint8 [n, h, w, 3]."""
        chosen, given = self.config.chosen, self.config.given_resize
        size, resize = RESIZE_BY_PRESET[chosen.resize]
        height, width = frames.shape[1:3]
        if given is None:
            return resize(frames, size(height, width, chosen.side_size))
        shorter = shorter_side_rounded if size is shorter_side_rounded else shorter_side
        return resize(frames, given.of(height, width, chosen.crop_size, shorter))

    def network_input(self, clips: Tensor) -> Tensor:
        """Return clips, uint8 [N, T, S, S, 3], as the network's input, [N, 3, T, S, S]."""
        return crops.network_input(clips, dtype=self.compute.dtype)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, D] of one view of clips, and with --show_pred the logits [B, classes]."""
        features, logits = self._network(self.network_input(batch["frames"]))
        return {self.key: features} | ({f"logits/{self.key}": logits} if self.config.show_pred else {})

    def finish(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the features averaged by --average: clips gives [crops, D], crops [clips, D], both [D]."""
        axes = AVERAGED[self.config.chosen.average]
        return {
            key: array.mean(axes, dtype=np.float64).astype(np.float32) if axes else array
            for key, array in arrays.items()
        }
