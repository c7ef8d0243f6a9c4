"""The settings of SlowOnly."""

from dataclasses import dataclass

from utils import common_flags
from utils.clip_config import GROUP, SNIPPETS, ClipConfig, mmaction2_presets, preset

PUBLISHED_NAME = "slowonly_r50_video_320p_4x16x1_256e_kinetics400_rgb_20201014-c9cdc656.pth"
# mmaction2 v0.24.1, configs/recognition/slowonly/slowonly_r50_clip_feature_extraction_4x16x1_rgb.py
PRESETS = mmaction2_presets(num_clips=10, crop_type="center") | {"snippets": SNIPPETS}


@dataclass(frozen=True)
class SlowOnlyConfig(ClipConfig):
    """What `--feature_type slowonly` lets the user choose; defaults are those of mmaction2 0.x's feature extraction."""

    PRESETS = PRESETS

    preset: str = preset(PRESETS, "mmaction2_0x")
    stack_size: int = common_flags.stack_size(GROUP, 4, "frames in a clip")
    frame_interval: int = common_flags.frame_interval(GROUP, 16)
    checkpoint: str | None = common_flags.checkpoint(GROUP, PUBLISHED_NAME)
