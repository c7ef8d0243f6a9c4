"""The settings of image models that see one frame at a time. Imports no torch."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.views_config import ViewsConfig
from utils.extractors.window_frames import in_frames

GROUP = "frames"


@dataclass(frozen=True)
class FramewiseConfig(ViewsConfig):
    """The flags that they share: which frames to take, how to prepare them, and windows with a row each."""

    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    extraction_total: int | None = shared_flags.extraction_total(GROUP)
    decode: str = shared_flags.decode(GROUP)
    stack_size: int | None = shared_flags.stack_size(
        GROUP, None, "frames in a window, for a row per window instead of per frame; see --pool", added_later=True
    )
    step_size: int | None = shared_flags.step_size(GROUP, None, " (default: --stack_size)", added_later=True)
    window_s: float | None = shared_flags.stack_s(GROUP)
    step_s: float | None = shared_flags.step_s(GROUP)
    pool: str = flag(
        "mean",
        "row of a window: the mean over its frames, or its first or middle frame's, and only those are looked at",
        group=GROUP,
        choices=("mean", "first", "middle"),
        added_later=True,
    )
    short_video: str = shared_flags.short_video(GROUP, added_later=True)
    tail: str = shared_flags.tail(GROUP, added_later=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.extraction_fps is not None and self.extraction_total is not None:
            raise UserError("--extraction_fps and --extraction_total exclude each other: drop one of them")
        shared_flags.check_seconds(self)
        if self.has_windows and self.extraction_total is not None:
            raise UserError("--extraction_total is for a row per frame: drop it, or --stack_size and --window_s")
        if not self.has_windows and (self.step_size or self.step_s or self.pool != "mean" or self.tail != "drop"):
            raise UserError("--step_size, --step_s, --pool and --tail are for windows: add --stack_size or --window_s")

    @property
    def has_windows(self) -> bool:
        """Whether a row is a window of frames, not a single frame."""
        return self.stack_size is not None or self.window_s is not None

    def windows(self, fps: float) -> tuple[int, int]:
        """Return frames in a window and from window to window, of a video with this frame rate."""
        size = self.stack_size or 1
        return in_frames(self, fps, size, self.step_size or size)
