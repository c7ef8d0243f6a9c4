"""The settings of I3D ResNet-50."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.extractors.clips_config import GROUP, SNIPPETS, VideoClipsConfig, mmaction2_presets, preset

PUBLISHED_NAME = "i3d_imagenet-pretrained-r50-nl-dot-product_8xb8-32x2x1-100e_kinetics400-rgb_20220812-8e1f2148.pth"
FEWEST_FRAMES = 5  # the network halves time twice, and needs two time steps to do so
# mmaction2 v0.24.1, configs/recognition/i3d/i3d_r50_32x2x1_100e_kinetics400_rgb.py: its test pipeline
PRESETS = {"snippets": SNIPPETS} | mmaction2_presets(num_clips=10, crop_type="3-crop")


@dataclass(frozen=True)
class I3DR50Config(VideoClipsConfig):
    """The flags of `--feature_type i3d_r50`."""

    PRESETS = PRESETS

    preset: str = preset(PRESETS, "snippets")
    stack_size: int = shared_flags.stack_size(
        GROUP,
        32,
        f"frames in a clip; at least {FEWEST_FRAMES}",
        at_least=FEWEST_FRAMES,
        note="frames, since the network halves their number twice",
    )
    frame_interval: int = shared_flags.frame_interval(GROUP, 2)
    checkpoint: str | None = shared_flags.checkpoint(GROUP, PUBLISHED_NAME)
