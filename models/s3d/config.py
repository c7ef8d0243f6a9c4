"""The settings of S3D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import check_choices, flag
from utils.config.shared_flags import check_fps
from utils.errors import UserError

GROUP = "s3d"
FEWEST_FRAMES = 13  # with fewer, the network's last average pool has no two time steps to average


@dataclass(frozen=True)
class S3DConfig:
    """What `--feature_type s3d` lets the user choose; defaults are those of the published features."""

    stack_size: int = shared_flags.stack_size(GROUP, 64, "frames in a window; at least 13")
    step_size: int = shared_flags.step_size(GROUP, 64)
    extraction_fps: float | None = flag(
        25.0, "frames per second to sample the video at; null in a --config file: the video's own", group=GROUP
    )
    signed_input: bool = flag(
        False, "scale pixels to -1..1, as the weights' author did, not to 0..1 as video_features does", group=GROUP
    )
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(GROUP)
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-400")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "S3D_kinetics400_torchified.pt")

    def __post_init__(self) -> None:
        check_choices(self)
        if self.stack_size < FEWEST_FRAMES:
            raise UserError(
                f"--stack_size is {self.stack_size}; S3D needs at least {FEWEST_FRAMES} frames, since fewer leave "
                "its last pool nothing to average"
            )
        if self.step_size < 1:
            raise UserError(f"--step_size is {self.step_size}; it must be at least 1 frame")
        check_fps(self.extraction_fps)

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and from the start of one to the start of the next."""
        return self.stack_size, self.step_size
