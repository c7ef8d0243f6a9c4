"""The extractors of tests/support/tiny_program.py."""

import os
import signal
import time
from typing import Any

from torch import Tensor

from utils.extractors.base import AudioExtractor, AudioStreamInfo, Batch, VideoExtractor, VideoStreamInfo
from utils.extractors.windows import Dense, Sampling

BLACK = 40  # a frame without any brighter pixel kills the process that prepares it


class TinyExtractor(VideoExtractor[Any]):
    """The mean of each frame; black ones end the process as a crash in a codec does."""

    @property
    def keys(self) -> tuple[str]:
        """One array."""
        return ("tiny",)

    @property
    def batch_size(self) -> int:
        """As few as the tests count on."""
        return 1

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return one window per frame."""
        return Dense(1, 1)

    def prepare(self, frames: Tensor) -> Tensor:
        """Return the frames unchanged, or end the process."""
        if frames.max() < BLACK:
            os.kill(os.getpid(), signal.SIGKILL)
        return frames

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean of each window, [B, 1]."""
        time.sleep(self.config.pause_s)
        return {"tiny": batch["frames"].float().mean(dim=(1, 2, 3, 4))[:, None]}


class LoudnessExtractor(AudioExtractor[Any]):
    """The root mean square of each second of audio."""

    rate_hz = 8000

    @property
    def keys(self) -> tuple[str]:
        """One array."""
        return ("loudness",)

    @property
    def batch_size(self) -> int:
        """As few as the tests count on."""
        return 4

    def sampling(self, info: AudioStreamInfo) -> Dense:
        """Return one window per second."""
        return Dense(self.rate_hz, self.rate_hz)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loudness of each window, [B, 1]."""
        return {"loudness": batch["samples"].square().mean(dim=1).sqrt()[:, None]}
