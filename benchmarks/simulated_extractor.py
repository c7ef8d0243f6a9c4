"""The extractor of benchmarks/simulated.py."""

import time
from typing import Any

import torch
from torch import Tensor

from utils.extractors.base import Batch, VideoExtractor, VideoStreamInfo
from utils.extractors.windows import Dense


class SimulatedExtractor(VideoExtractor[Any]):
    """The mean colour of each frame. The device sleeps, so that the cores stay free, as with a GPU."""

    @property
    def keys(self) -> tuple[str]:
        """One array."""
        return ("simulated",)

    @property
    def batch_size(self) -> int:
        """As little as there is: `--batch_size` chooses."""
        return 1

    def sampling(self, info: VideoStreamInfo) -> Dense:
        """Return one window per frame."""
        return Dense(1, 1)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean colour of each window, [B, 3]."""
        frames = batch["frames"]
        if len(frames) > self.config.memory_frames:
            raise torch.OutOfMemoryError(f"a batch of {len(frames)} frames")
        time.sleep(self.config.pause_s * len(frames))
        return {"simulated": frames.float().mean(dim=(1, 2, 3))}
