"""The settings of InternVideo2."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.stacks_config import StackConfig

GROUP = "internvideo2"
FRAMES = {  # that each file is for
    "S14_ft_k710_f8": 8,
    "B14_ft_k710_f8": 8,
    "L14_ft_k710_f8": 8,
    "1B_ft_k710_f8": 8,
    "1B_ft_k710_ft_k400_f8": 8,
    "1B_ft_k710_ft_k400_f16": 16,
    "1B_pretrain": 8,
}


@dataclass(frozen=True)
class InternVideo2Config(StackConfig):
    """The flags of `--feature_type internvideo2`."""

    model_name: str = flag(
        "B14_ft_k710_f8",
        "network and training: small to large (S14, B14, L14) or 1B; fine-tuned on Kinetics-710, then 400, or not",
        group=GROUP,
        choices=FRAMES,
    )
    stack_size: int = shared_flags.stack_size(GROUP, 16, "frames in a window")
    step_size: int = shared_flags.step_size(GROUP, 4)
    num_frames: int | None = flag(
        None,
        "the same as --frames_per_window (default: the file's, 8 or 16)",
        group=GROUP,
        at_least=1,
        note="frame",
    )
    frame_choice: str = shared_flags.frame_choice(GROUP, "demo", added_later=False)
    pool: str = flag(
        "mean",
        "mean: of the tokens of patches; attention: the pooling that was trained to match CLIP's, 768 numbers",
        group=GROUP,
        choices=("mean", "attention"),
    )
    gelu: str = flag(
        "tanh",
        "activation. tanh: the approximation, as in training; exact: as the plain code without flash_attn",
        group=GROUP,
        choices=("tanh", "exact"),
    )
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file of --model_name")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_frames is not None and self.frames_per_window is not None:
            raise UserError("--num_frames and --frames_per_window are the same: drop one of them")

    @property
    def size(self) -> str:
        """The network's size: S14, B14, L14 or 1B."""
        return self.model_name.split("_")[0]

    def n_seen(self, size: int = 0) -> int:
        """Return how many frames of a window the network sees, whatever its size."""
        return self.num_frames or self.frames_per_window or FRAMES[self.model_name]

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next."""
        return self.stack_size, self.step_size
