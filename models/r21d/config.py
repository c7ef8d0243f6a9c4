"""The settings of R(2+1)D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import check_choices, flag
from utils.config.shared_flags import check_fps
from utils.errors import UserError

GROUP = "r21d"
CLIP_FRAMES = {  # what each network was trained on
    "r2plus1d_18_16_kinetics": 16,
    "r2plus1d_34_32_ig65m_ft_kinetics": 32,
    "r2plus1d_34_8_ig65m_ft_kinetics": 8,
}


@dataclass(frozen=True)
class R21DConfig:
    """What `--feature_type r21d` lets the user choose; defaults are those of the published features."""

    model_name: str = flag(
        "r2plus1d_18_16_kinetics",
        "network: layers, frames it was trained on, data (ig65m_ft_kinetics: IG-65M, then Kinetics)",
        group=GROUP,
        choices=CLIP_FRAMES,
    )
    stack_size: int | None = shared_flags.stack_size(
        GROUP, None, "frames in a window (default: those the network was trained on, 16, 32 or 8)"
    )
    step_size: int | None = flag(
        None,
        "frames from the start of one window to the start of the next (default: the network's 16, 32 or 8)",
        group=GROUP,
    )
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(GROUP)
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-400")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file of --model_name")

    def __post_init__(self) -> None:
        check_choices(self)
        for name in ("stack_size", "step_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"--{name} is {value}; it must be at least 1 frame")
        check_fps(self.extraction_fps)

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and from the start of one to the start of the next."""
        own = CLIP_FRAMES[self.model_name]
        return self.stack_size or own, self.step_size or own
