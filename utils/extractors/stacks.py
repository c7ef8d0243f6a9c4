"""Models that see stacks of neighbouring frames and return one feature per stack: R(2+1)D, S3D."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from torch import Tensor, nn

from utils.extractors.base import Batch, NoWindows, VideoExtractor, VideoStreamInfo, short_of_a_window
from utils.extractors.frame_choice import chosen_frames
from utils.extractors.stacks_config import StackConfig
from utils.extractors.views import views_of
from utils.extractors.views_config import Resize, checked_resize
from utils.extractors.window_frames import check_seen
from utils.extractors.windows import Sampling, sliding
from utils.transforms.constants import constant
from utils.transforms.geometry import shorter_side

StackConfigT = TypeVar("StackConfigT", bound=StackConfig)


class StackExtractor(VideoExtractor[StackConfigT]):
    """One row per stack, under one key. `prepare` returns frames as float32 [n, 3, H, W], whole ones for views."""

    key: ClassVar[str]  # of the output and of the checkpoint
    float32_parts: ClassVar[tuple[str, ...]] = ("avgpool",)  # of the network, see Extractor.prepare_network
    side: ClassVar[int]  # of the network's input, in pixels
    own_resize: ClassVar[Resize]
    label_set = "kinetics400"

    @abstractmethod
    def load_network(self) -> nn.Module:
        """Return the network on the CPU: clips float32 [B, 3, T, H, W] -> features [B, D], logits [B, classes].

        Raises:
            UserError: the checkpoint is not of the network's layout.
        """

    def load(self) -> None:
        """Load the network onto the device."""
        size = (self.side, self.side)
        self.resize = checked_resize(self.config, size) or self.own_resize
        self.views = views_of(self.config, size, self.resize.size)
        self._network = self.prepare_network(self.load_network(), self.float32_parts)

    @property
    def keys(self) -> Sequence[str]:
        """The feature type."""
        return (self.key,)

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return stacks from the first frame on.

        Raises:
            VideoError: the network cannot take the frames of a stack of --window_s.
        """
        config = self.config
        size, step = config.windows(info.fps)
        check_seen(size, config.n_seen(size), config.frames_taken)
        return sliding(size, step, config.align_rows, config.short_video, config.tail)

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video shorter than one stack, by --short_video; or than a hop of --align_rows."""
        size, step = self.config.windows(info.fps)
        if self.config.align_rows != "start":
            return short_of_a_hop(n_frames, step)
        return short_of_a_window(n_frames, size, self.config.short_video)

    def seen(self, frames: Tensor) -> Tensor:
        """Return those of a stack's frames [n, ...] that the network sees."""
        return seen(frames, self.config.n_seen(len(frames)), self.config.frame_choice)

    def resized_size(self, frames: Tensor) -> tuple[int, int]:
        """Return (h, w) that frames are resized to. frames: [n, H, W, 3]."""
        return self.resize.of(frames.shape[1], frames.shape[2], self.side, shorter_side)

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the stack, or what the network sees of it, as "clips", float32 [3, T, H, W]."""
        return {"clips": self.seen(frames).transpose(0, 1)}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, D], and with --show_pred the logits of the classes [B, classes]."""
        features, logits = self._network(batch["clips"])
        outputs = {self.key: features}
        if self.config.show_pred:
            outputs[f"logits/{self.key}"] = logits
        return outputs


def seen(frames: Tensor, k: int, choice: str) -> Tensor:
    """Return the k of a window's frames [n, ...] that --frame_choice says, [k, ...]."""
    if k == len(frames):
        return frames
    return frames.index_select(0, constant(chosen_frames(len(frames), k, choice), frames.device))


def short_of_a_hop(n_frames: int, n_wanted: int) -> NoWindows:
    """Return the outcome of a video with fewer frames than a hop of --align_rows middle or end."""
    return NoWindows("failed", f"{n_frames} frames, fewer than the {n_wanted} from row to row; make steps shorter")
