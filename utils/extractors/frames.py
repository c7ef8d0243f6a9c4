"""What image models that see one frame at a time share: which frames to take, and the way through the network."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, TypeVar

import numpy as np
from torch import Tensor, nn

from utils.errors import UserError
from utils.extractors.base import Batch, NoWindows, VideoExtractor, VideoStreamInfo, short_of_a_window
from utils.extractors.frames_config import FramewiseConfig
from utils.extractors.views import views_of
from utils.extractors.views_config import Resize, checked_resize
from utils.extractors.windows import Dense, Listed, Sampling
from utils.transforms.fast import RESIZE_BY_DECODE
from utils.transforms.image_input import ImageInput

CPU_FRAMES, GPU_FRAMES = 16, 128  # frames per batch
FramewiseConfigT = TypeVar("FramewiseConfigT", bound=FramewiseConfig)
HALF = 0.5 + 1e-9  # so that half a tick still rounds up where float64 puts it just below


class FramewiseExtractor(VideoExtractor[FramewiseConfigT]):
    """A row per frame, or per window of frames: their mean, or that of one of them."""

    key: ClassVar[str]  # of the output
    rows_per_thread = 4
    image: ImageInput  # how frames are prepared
    network: nn.Module

    @abstractmethod
    def load(self) -> None:
        """Call `set_image`, and set `network` on the device."""

    def set_image(self, image: ImageInput) -> None:
        """Set `image`, and `views` if there are any. image: the transform that belongs to the weights.

        Raises:
            UserError: --resize or --crop_type does not fit it.
        """
        self.image = resized_as(image, checked_resize(self.config, image.size))
        self.views = views_of(self.config, image.size, self.image.resize if self.image.fit == "squash" else None)

    @property
    def keys(self) -> Sequence[str]:
        """One array per video."""
        return (self.key,)

    @property
    def frames_per_batch(self) -> int:
        """How many frames fill the device well."""
        return CPU_FRAMES if self.device.type == "cpu" else GPU_FRAMES

    @property
    def batch_size(self) -> int:
        """A window is a frame."""
        return max(self.frames_per_batch // self.views_at_once, 1)

    @property
    def needs_times(self) -> bool:
        """Whether frames are chosen by their number or times, for --extraction_total or one frame of each window."""
        return self.config.extraction_total is not None or self.config.pool != "mean"

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return each frame, those of --extraction_total, or one of each window by --pool."""
        if self.config.extraction_total is not None:
            return Listed([[frame] for frame in spread_frames(info, self.config.extraction_total)])
        if self.config.pool == "mean":
            return Dense(1, 1)
        windows = [window.indices for window in self._windows(info).over(info.n_frames)]
        return Listed([[frames[len(frames) // 2 if self.config.pool == "middle" else 0]] for frames in windows])

    def pooling(self, info: VideoStreamInfo) -> Dense | None:
        """Return the windows of --stack_size or --window_s, whose frames' features are averaged."""
        return self._windows(info) if self.config.has_windows and self.config.pool == "mean" else None

    def _windows(self, info: VideoStreamInfo) -> Dense:
        return Dense(*self.config.windows(info.fps), short=self.config.short_video, tail=self.config.tail)

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video without frames, or shorter than a window, by --short_video."""
        if not self.config.has_windows:
            return super().no_windows(n_frames, info)
        n_frames = info.n_frames if self.needs_times else n_frames
        return short_of_a_window(n_frames, self.config.windows(info.fps)[0], self.config.short_video)

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames as the network sees them before the normalization, or whole for views, uint8 [n, h, w, 3]."""
        prepared = self.image.crops if self.views is None else self.image.whole
        return prepared(frames, RESIZE_BY_DECODE[self.config.decode])

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the frame, uint8 [h, w, 3]."""
        return {"frame": frames[0]}

    def windows_of_frames(self, frames: Tensor) -> Batch:
        """Return the frames, uint8 [n, h, w, 3]."""
        return {"frame": frames}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, D] of frames [B, h, w, 3]."""
        return {self.key: self.network(self.image.normalized(batch["frame"], self.compute.dtype))}


def resized_as(image: ImageInput, resize: Resize | None) -> ImageInput:
    """Return a transform with another resize, by the same code. resize: None for its own."""
    if resize is None:
        return image
    if resize.side is not None:
        return replace(image, fit="shortest", resize=(resize.side, resize.side))
    if resize.size is not None:
        return replace(image, fit="squash", resize=resize.size)
    return replace(image, fit="none", low=resize.decoded_side is not None)


def spread_frames(info: VideoStreamInfo, total: int) -> list[int]:
    """Return `total` frames spread over a video: those that ffmpeg's fps filter shows at total * fps / frames.

    A video with fewer frames repeats some of them; one without frames gives none.
    """
    if info.n_frames == 0:
        return []
    rate = total * info.fps / info.n_frames
    ticks = np.floor((info.known_times_s - info.known_times_s[0]) * rate + HALF)
    shown = np.searchsorted(ticks, np.arange(total), side="right") - 1
    return [int(frame) for frame in shown]


def as_rows(features: Tensor, model_name: str) -> Tensor:
    """Return features if they are [B, D].

    Raises:
        UserError: they have more dimensions, since the model does not pool them.
    """
    if features.ndim != 2:
        raise UserError(f"{model_name} returns {list(features.shape[1:])} per frame; choose a model that pools")
    return features
