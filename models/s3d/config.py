"""The settings of S3D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.stacks_config import StackConfig
from utils.extractors.window_frames import MANY

GROUP = "s3d"
FEWEST_FRAMES = 13  # with fewer, the last average pool does not get the two time steps that it needs
STACK_FRAMES = {"kinetics": 64, "howto100m": 32}  # of a window, by variant


@dataclass(frozen=True)
class S3DConfig(StackConfig):
    """The flags of `--feature_type s3d`, with the defaults of the published features."""

    variant: str = flag(
        "kinetics",
        "network: of Kinetics-400, or with gates, of HowTo100M and its narration (MIL-NCE)",
        group=GROUP,
        choices=STACK_FRAMES,
        added_later=True,
    )
    stack_size: int = shared_flags.stack_size(
        GROUP,
        None,
        f"frames in a window; at least {FEWEST_FRAMES}, and even for howto100m (default: 64; howto100m: 32)",
        at_least=FEWEST_FRAMES,
        note="frames, since with fewer the last pool of S3D has nothing to average",
    )
    step_size: int = shared_flags.step_size(GROUP, None, " (default: 64; howto100m: 32)")
    extraction_fps: float | None = shared_flags.extraction_fps(
        GROUP, 25.0, "; null in a --config file: the video's own; howto100m was trained at 10: give it"
    )
    signed_input: bool = flag(
        False, "scale pixels to -1..1, as the weights' author did, instead of 0..1 as in video_features", group=GROUP
    )
    projected: bool = flag(
        False,
        "with --variant howto100m: the 512 numbers in the space shared with text, instead of 1024",
        group=GROUP,
        added_later=True,
    )
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "S3D_kinetics400_torchified.pt or s3d_howto100m.pth")

    def __post_init__(self) -> None:
        for name in ("stack_size", "step_size"):
            in_seconds = self.window_s or (self.step_s and name == "step_size")
            if getattr(self, name) is None and not in_seconds:  # recorded outputs have the number, not None
                object.__setattr__(self, name, STACK_FRAMES.get(self.variant, 64))
        super().__post_init__()
        if self.variant == "howto100m":
            if self.signed_input or self.show_pred:
                wrong = "--signed_input" if self.signed_input else "--show_pred"
                raise UserError(f"{wrong} is for --variant kinetics: drop one of them")
            if self.window_s is None and self.n_seen(self.stack_size) % 2:
                raise UserError(f"--stack_size is {self.stack_size}; --variant howto100m needs an even number")
        elif self.projected:
            raise UserError("--projected is for --variant howto100m: add that, or drop it")

    @property
    def stack(self) -> tuple[int, int]:
        """Frames in a window, and frames from the start of one window to the start of the next."""
        default = STACK_FRAMES.get(self.variant, 64)
        return self.stack_size or default, self.step_size or default

    @property
    def frames_taken(self) -> range:
        """The numbers of frames that the network can see."""
        step = 2 if self.variant == "howto100m" else 1
        return range(FEWEST_FRAMES + step - 1, MANY, step)
