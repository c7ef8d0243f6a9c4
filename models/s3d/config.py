"""The settings of S3D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.extractors.stacks_config import StackConfig

GROUP = "s3d"
FEWEST_FRAMES = 13  # with fewer, the last average pool does not get the two time steps that it needs


@dataclass(frozen=True)
class S3DConfig(StackConfig):
    """The flags of `--feature_type s3d`, with the defaults of the published features."""

    stack_size: int = shared_flags.stack_size(
        GROUP,
        64,
        f"frames in a window; at least {FEWEST_FRAMES}",
        at_least=FEWEST_FRAMES,
        note="frames, since with fewer the last pool of S3D has nothing to average",
    )
    step_size: int = shared_flags.step_size(GROUP, 64)
    extraction_fps: float | None = shared_flags.extraction_fps(
        GROUP, 25.0, "; null in a --config file: the video's own"
    )
    signed_input: bool = flag(
        False, "scale pixels to -1..1, as the weights' author did, instead of 0..1 as in video_features", group=GROUP
    )
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "S3D_kinetics400_torchified.pt")

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next."""
        return self.stack_size, self.step_size
