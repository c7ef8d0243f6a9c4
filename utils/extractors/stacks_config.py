"""The settings of models that see stacks of neighbouring frames. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from utils.config import shared_flags
from utils.errors import UserError
from utils.extractors.views_config import ViewsConfig
from utils.extractors.window_frames import MANY, in_frames, in_words

GROUP = "stacks"


@dataclass(frozen=True)
class StackConfig(ViewsConfig, ABC):
    """The flags that they share. A model adds `stack_size`, `step_size` and `checkpoint`."""

    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    decode: str = shared_flags.decode_unresized(GROUP)
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(GROUP)
    window_s: float | None = shared_flags.stack_s(GROUP)
    step_s: float | None = shared_flags.step_s(GROUP)
    frames_per_window: int | None = shared_flags.frames_per_window(GROUP)
    frame_choice: str = shared_flags.frame_choice(GROUP)
    align_rows: str = shared_flags.align_frames(GROUP)
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-400")

    def __post_init__(self) -> None:
        super().__post_init__()
        shared_flags.check_align_rows(self.align_rows, self.tail)
        shared_flags.check_seconds(self)
        if self.frames_per_window is not None and self.frames_per_window not in self.frames_taken:
            raise UserError(
                f"--frames_per_window {self.frames_per_window}: the network takes {in_words(self.frames_taken)}"
            )
        size, _ = self.stack
        if self.window_s is None and self.n_seen(size) > size:
            raise UserError(
                f"--stack_size is {size}, fewer than the {self.n_seen(size)} frames that the network sees: raise it, "
                "or lower --frames_per_window"
            )

    @property
    @abstractmethod
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next, unless in seconds."""

    def windows(self, fps: float) -> tuple[int, int]:
        """Return the same, as --window_s and --step_s say, of a video with this frame rate."""
        return in_frames(self, fps, *self.stack)

    @property
    def frames_taken(self) -> range:
        """The numbers of frames that the network can see."""
        return range(1, MANY)

    def n_seen(self, size: int) -> int:
        """Return how many of the `size` frames of a window the network sees."""
        return self.frames_per_window or size
