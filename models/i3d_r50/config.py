"""The settings of I3D ResNet-50."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.clips_config import GROUP, SNIPPETS, Preset, VideoClipsConfig, mmaction2_presets, preset

PUBLISHED_NAME = "i3d_imagenet-pretrained-r50-nl-dot-product_8xb8-32x2x1-100e_kinetics400-rgb_20220812-8e1f2148.pth"
BASELINE_NAME = "i3d_baseline_32x2_IN_pretrain_400k.pkl"
# the networks halve time twice and need two time steps to do so; so does the baseline's first pool
FEWEST_FRAMES = {"non_local": 5, "baseline": 7}
# https://github.com/GowthamGottimukkala/I3D_Feature_Extraction_resnet, commit 4cd6a1d: the weakly supervised anomaly
# detection of RTFM and its followers
ANOMALY = Preset("back_to_back", "lanczos", "anomaly", -1, "10-crop", "none", crop_size=224)
# mmaction2 v0.24.1, configs/recognition/i3d/i3d_r50_32x2x1_100e_kinetics400_rgb.py: its test pipeline
PRESETS = {"snippets": SNIPPETS, "anomaly": ANOMALY} | mmaction2_presets(num_clips=10, crop_type="3-crop")
DEFAULTS = {  # of the flags of these names, by variant
    "non_local": {"preset": "snippets", "stack_size": 32, "frame_interval": 2},
    "baseline": {"preset": "anomaly", "stack_size": 16, "frame_interval": 1},
}


@dataclass(frozen=True)
class I3DR50Config(VideoClipsConfig):
    """The flags of `--feature_type i3d_r50`."""

    PRESETS = PRESETS

    variant: str = flag(
        "non_local",
        "network: with five non-local modules (mmaction2), or without (baseline, of video-nonlocal-net)",
        group=GROUP,
        choices=DEFAULTS,
        added_later=True,
    )
    preset: str = preset(PRESETS, None, " (default: snippets; with --variant baseline anomaly)")
    stack_size: int = shared_flags.stack_size(
        GROUP,
        None,
        f"frames in a clip; at least {FEWEST_FRAMES['non_local']} (default: 32; with --variant baseline 16, at least "
        f"{FEWEST_FRAMES['baseline']})",
        at_least=FEWEST_FRAMES["non_local"],
        note="frames, since the network halves their number twice",
    )
    frame_interval: int = shared_flags.frame_interval(GROUP, None, " (default: 2; with --variant baseline 1)")
    frequency: int | None = flag(
        None,
        "with --preset anomaly: frames from the start of one clip to the next (default: clips back to back)",
        group=GROUP,
        at_least=1,
        note="frame",
        added_later=True,
    )
    input_scaling: str = flag(
        "extractor",
        "scale of the baseline's pixels. extractor: -1..1, as the public extractor; training: (x - 114.75) / 57.375, "
        "as the network was trained",
        group=GROUP,
        choices=("extractor", "training"),
        added_later=True,
    )
    checkpoint: str | None = shared_flags.checkpoint(GROUP, f"{PUBLISHED_NAME} or {BASELINE_NAME}")

    def __post_init__(self) -> None:
        for name, value in DEFAULTS["baseline" if self.variant == "baseline" else "non_local"].items():
            if getattr(self, name) is None:  # recorded outputs have these values, not None
                object.__setattr__(self, name, value)
        super().__post_init__()
        fewest = FEWEST_FRAMES[self.variant]
        if self.stack_size < fewest:
            raise UserError(f"--stack_size is {self.stack_size}; {self.variant} needs at least {fewest} frames")
        if self.input_scaling == "training" and self.variant != "baseline":
            raise UserError("--input_scaling is for --variant baseline: drop one of them")
        if self.frequency and self.preset != "anomaly":
            raise UserError("--frequency is for --preset anomaly: clips of the others are placed by --num_clips")
