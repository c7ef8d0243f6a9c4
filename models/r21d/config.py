"""The settings of R(2+1)D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.extractors.stacks_config import StackConfig

GROUP = "r21d"
CLIP_FRAMES = {  # that each network was trained on
    "r2plus1d_18_16_kinetics": 16,
    "r2plus1d_34_32_ig65m_ft_kinetics": 32,
    "r2plus1d_34_8_ig65m_ft_kinetics": 8,
}


@dataclass(frozen=True)
class R21DConfig(StackConfig):
    """The flags of `--feature_type r21d`, with the defaults of the published features."""

    model_name: str = flag(
        "r2plus1d_18_16_kinetics",
        "network: layers, frames it was trained on, data (ig65m_ft_kinetics: IG-65M, then Kinetics)",
        group=GROUP,
        choices=CLIP_FRAMES,
    )
    stack_size: int | None = shared_flags.stack_size(
        GROUP, None, "frames in a window (default: as the network was trained, 16, 32 or 8)"
    )
    step_size: int | None = shared_flags.step_size(GROUP, None, " (default: the network's 16, 32 or 8)")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file of --model_name")

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next."""
        own = CLIP_FRAMES[self.model_name]
        return self.stack_size or own, self.step_size or own
