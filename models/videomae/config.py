"""The settings of VideoMAE V2."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.extractors.stacks_config import StackConfig

GROUP = "videomae"
STACK_FRAMES = 16  # that the networks' positions are for
MODEL_NAMES = ("vit_small_patch16_224", "vit_base_patch16_224", "vit_giant_patch14_224")


@dataclass(frozen=True)
class VideoMAEConfig(StackConfig):
    """The flags of `--feature_type videomae`, with the defaults of the published features of THUMOS14."""

    model_name: str = flag("vit_base_patch16_224", "network: size and patch", group=GROUP, choices=MODEL_NAMES)
    stack_size: int = shared_flags.stack_size(
        GROUP,
        STACK_FRAMES,
        f"frames in a window, of which the network sees {STACK_FRAMES}",
        at_least=STACK_FRAMES,
        note="frames, which the network sees",
        added_later=True,
    )
    step_size: int = shared_flags.step_size(GROUP, 4, "; 16 in the published features of FineAction")
    normalize: bool = flag(
        False,
        "subtract ImageNet's mean and divide by its deviation, as in training but not for the published features",
        group=GROUP,
    )
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-710")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file of --model_name")

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next."""
        return self.stack_size, self.step_size

    @property
    def frames_taken(self) -> range:
        """The number that the network's positions are for."""
        return range(STACK_FRAMES, STACK_FRAMES + 1)

    def n_seen(self, size: int) -> int:
        """Return that number."""
        return STACK_FRAMES
