"""The settings of models that see stacks of neighbouring frames. Imports no torch."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from utils.config import shared_flags
from utils.extractors.views_config import ViewsConfig

GROUP = "stacks"


@dataclass(frozen=True)
class StackConfig(ViewsConfig, ABC):
    """The flags that they share. A model adds `stack_size`, `step_size` and `checkpoint`."""

    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    decode: str = shared_flags.decode_unresized(GROUP)
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(GROUP)
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-400")

    @property
    @abstractmethod
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next."""
