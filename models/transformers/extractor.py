"""Models of transformers for the pipeline: of clips and of single frames."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models.transformers.audio import AudioModelExtractor
from models.transformers.config import TransformersConfig, keys_of
from models.transformers.families import Family
from models.transformers.labels import load_network, outputs_by_key
from models.transformers.network import int_setting
from models.transformers.pretrained import family, model_folder
from models.transformers.weights import load_processor
from utils.errors import UserError
from utils.extractors.base import (
    FLOAT32,
    Batch,
    Checkpoints,
    NoWindows,
    VideoExtractor,
    VideoStreamInfo,
    short_of_a_window,
)
from utils.extractors.stacks import seen, short_of_a_hop
from utils.extractors.views import views_of
from utils.extractors.views_config import Resize, checked_resize
from utils.extractors.window_frames import check_seen, in_frames
from utils.extractors.windows import Sampling, sliding
from utils.nn.prepare import ComputeMode
from utils.transforms.geometry import shorter_side

CPU_FRAMES, GPU_FRAMES = 16, 128  # frames per batch
FRAME_NUMBERS = ("num_frames", "frames_per_clip")  # what configurations call the frames of a clip
ANY_FRAMES = 16  # of models that take any number


def make_extractor(
    config: TransformersConfig, checkpoints: Checkpoints, device: torch.device, compute: ComputeMode = FLOAT32
) -> "PictureExtractor | AudioModelExtractor":
    """Return the extractor of what the model takes, pictures or sound."""
    made = AudioModelExtractor if family(config)[1].input_kind == "audio" else PictureExtractor
    return made(config, checkpoints, device, compute)


class PictureExtractor(VideoExtractor[TransformersConfig]):
    """Features [windows, D], of clips or of single frames; with more dimensions where they are not pooled."""

    def load(self) -> None:
        """Load the network, and the processor that belongs to its weights."""
        config, folder = self.config, model_folder(self.config)
        _, self._family = family(config)
        if config.hop_s:
            raise UserError(f"--hop_s: {config.model_name} takes pictures, not sound; use --step_s")
        if config.window_s and self._family.input_kind == "frame":
            raise UserError(f"--window_s: {config.model_name} takes single frames; drop it")
        self._processor = load_processor(folder, self._family)
        self._set_views()
        network = load_network(self)
        self.n_frames = frames_of(network.settings, self._family, config)
        self._network = self.prepare_network(network)

    def _set_views(self) -> None:
        """Set how frames are resized and cropped: as the processor says, unless flags do."""
        config, processor = self.config, self._processor
        self._given: Resize | None = None
        self._crop = processor.crop_size if processor.do_center_crop else None
        size = fixed_size(self._crop or processor.size)
        if config.resize is None and config.crop_type is None:
            return
        if size is None:
            raise UserError(f"--resize, --crop_type: {config.model_name} sees frames of any size; drop them")
        self._given = checked_resize(config, size)
        squashed_to = self._given.size if self._given else fixed_size(processor.size) if processor.do_resize else None
        self.views = views_of(config, size, squashed_to)
        self._crop = None if self.views else self._library_size(size)

    def _library_size(self, size: tuple[int, int]) -> Any:
        return type(self._processor.size)(height=size[0], width=size[1])

    @property
    def keys(self) -> Sequence[str]:
        """One array, or one for each of --layer."""
        return keys_of(self.config)

    @property
    def batch_size(self) -> int:
        """Windows with as many frames as fill the device well."""
        frames = CPU_FRAMES if self.device.type == "cpu" else GPU_FRAMES
        return max(frames // (self.n_frames * self.views_at_once), 1)

    @property
    def interval(self) -> int:
        """Frames from one frame of a window to the next."""
        return self.config.frame_interval or self._family.frame_interval

    @property
    def span(self) -> int:
        """Frames of the video that a window covers."""
        return (self.n_frames - 1) * self.interval + 1

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return windows from the first frame on.

        Raises:
            VideoError: those of --window_s have fewer frames than the network sees.
        """
        config = self.config
        size, step = self._windows(info)
        check_seen(size, self.n_frames, range(self.n_frames, self.n_frames + 1))
        return sliding(size, step, config.align_rows, config.short_video, config.tail)

    def _windows(self, info: VideoStreamInfo) -> tuple[int, int]:
        """Return frames that a window covers, and from window to window."""
        return in_frames(self.config, info.fps, self.span, self.config.step_size or self.n_frames * self.interval)

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video shorter than one window, by --short_video; or than a hop of --align_rows."""
        size, step = self._windows(info)
        if self.config.align_rows != "start":
            return short_of_a_hop(n_frames, step)
        return short_of_a_window(n_frames, size, self.config.short_video)

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames resized and cropped as the library's processor does, by torchvision, uint8 [n, 3, h, w].

        For views they are not cropped.
        """
        processor = self._processor
        images, size = frames.permute(0, 3, 1, 2).contiguous(), processor.size if processor.do_resize else None
        if self._given is not None:
            least = 1 if self._crop is None else self._crop.height
            size = self._library_size(self._given.of(frames.shape[1], frames.shape[2], least, shorter_side))
        if size is not None:
            images = processor.resize(images, size=size, resample=processor.resample)
        if self._crop is not None:
            images = processor.center_crop(images, self._crop)
        return images

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the frames that the network sees as "pixels", uint8 [T, 3, h, w], or [3, h, w] of a single frame."""
        if self._family.input_kind == "frame":
            return {"pixels": frames[0]}
        if self.config.window_s:
            return {"pixels": seen(frames, self.n_frames, self.config.frame_choice)}
        return {"pixels": frames[:: self.interval]}

    def windows_of_frames(self, frames: Tensor) -> Batch:
        """Return single frames as "pixels", uint8 [n, 3, h, w], or clips of one frame, uint8 [n, 1, 3, h, w]."""
        return {"pixels": frames} if self._family.input_kind == "frame" else super().windows_of_frames(frames)

    def pixel_values(self, pixels: Tensor) -> Tensor:
        """Return the network's input, as the library's processor normalizes it, float32 of the shape of `pixels`."""
        of = self._processor
        return of.rescale_and_normalize(
            pixels, of.do_rescale, of.rescale_factor, of.do_normalize, of.image_mean, of.image_std
        ).float()

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, ...]."""
        return outputs_by_key(self, self._network(self.pixel_values(batch["pixels"])))


def fixed_size(size: Any) -> tuple[int, int] | None:
    """Return (h, w) of the library's size, None if it names no such."""
    return (size.height, size.width) if size and size.height and size.width else None


def frames_of(settings: Any, kind: Family, config: TransformersConfig) -> int:
    """Return how many frames the network sees at once: --stack_size, or the model's own number.

    settings: the library's, of the model.

    Raises:
        UserError: it cannot take so many.
    """
    settings = getattr(settings, "vision_config", settings)
    found = [int_setting(settings, name) for name in FRAME_NUMBERS if hasattr(settings, name)]
    own = 1 if kind.input_kind == "frame" else (found or [ANY_FRAMES])[0]
    wanted = config.stack_size or own
    if wanted != own and kind.input_kind == "frame":
        raise UserError(f"--stack_size {wanted}: {config.model_name} takes single frames; drop it")
    if wanted != own and kind.fixed_frames:
        raise UserError(f"--stack_size {wanted}: {config.model_name} takes {own} frames at once, no other number")
    tubelet = int_setting(settings, "tubelet_size") if kind.input_kind == "clip" else 1
    if wanted % tubelet:
        raise UserError(f"--stack_size {wanted}: {config.model_name} takes multiples of {tubelet} frames")
    return wanted
