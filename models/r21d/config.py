"""The settings of R(2+1)D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.extractors.stacks_config import StackConfig

GROUP = "r21d"
STACKS = {  # frames of a window, and from window to window, of the published features of each network
    "r2plus1d_18_16_kinetics": (16, 16),
    "r2plus1d_34_32_ig65m_ft_kinetics": (32, 32),
    "r2plus1d_34_8_ig65m_ft_kinetics": (8, 8),
    "r2plus1d_34_16_tsp_activitynet": (16, 16),
    "r2plus1d_34_16_tsp_thumos14": (16, 1),
    "r2plus1d_18_16_tsp_activitynet": (16, 16),
}
TSP_FPS = 15.0


@dataclass(frozen=True)
class R21DConfig(StackConfig):
    """The flags of `--feature_type r21d`, with the defaults of the published features."""

    model_name: str = flag(
        "r2plus1d_18_16_kinetics",
        "network: layers, frames it was trained on, data (ig65m_ft_kinetics: IG-65M, then Kinetics; tsp_…: IG-65M, "
        "then temporally sensitive pretraining)",
        group=GROUP,
        choices=STACKS,
    )
    extraction_fps: float | None = shared_flags.extraction_fps(
        GROUP, None, f" (default: the video's own, or {TSP_FPS:g} for tsp networks)"
    )
    stack_size: int | None = shared_flags.stack_size(
        GROUP, None, "frames in a window (default: as the network was trained, 16, 32 or 8)"
    )
    step_size: int | None = shared_flags.step_size(
        GROUP, None, " (default: the network's 16, 32 or 8; r2plus1d_34_16_tsp_thumos14: 1)"
    )
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file of --model_name")

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next."""
        size, step = STACKS[self.model_name]
        return self.stack_size or size, self.step_size or step

    @property
    def fps(self) -> float | None:
        """Frames per second to sample a video at; None for its own."""
        return self.extraction_fps or (TSP_FPS if "_tsp_" in self.model_name else None)
