"""Models that see stacks of neighbouring frames and return one feature per stack: R(2+1)D, S3D."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from torch import Tensor, nn

from utils.extractors.base import Batch, NoWindows, VideoExtractor, VideoStreamInfo, short_of_a_window
from utils.extractors.stacks_config import StackConfig
from utils.extractors.views import views_of
from utils.extractors.views_config import Resize, checked_resize
from utils.extractors.windows import Dense, Sampling
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
        """Return stacks from the first frame on."""
        size, step = self.config.stack
        return Dense(size, step, short=self.config.short_video, tail=self.config.tail)

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video shorter than one stack, by --short_video."""
        return short_of_a_window(n_frames, self.config.stack[0], self.config.short_video)

    def resized_size(self, frames: Tensor) -> tuple[int, int]:
        """Return (h, w) that frames are resized to. frames: [n, H, W, 3]."""
        return self.resize.of(frames.shape[1], frames.shape[2], self.side, shorter_side)

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the stack as "clips", float32 [3, T, H, W]."""
        return {"clips": frames.transpose(0, 1)}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, D], and with --show_pred the logits of the classes [B, classes]."""
        features, logits = self._network(batch["clips"])
        outputs = {self.key: features}
        if self.config.show_pred:
            outputs[f"logits/{self.key}"] = logits
        return outputs
