"""The settings of TSN."""

from dataclasses import dataclass

from utils import common_flags
from utils.clip_config import GROUP, SNIPPETS, ClipConfig, mmaction2_presets, preset

PUBLISHED_NAME = "tsn_r50_320p_1x1x3_100e_kinetics400_rgb_20200702-cc665e2a.pth"
# mmaction2 v0.24.1, configs/recognition/tsn/tsn_r50_clip_feature_extraction_1x1x3_rgb.py
PRESETS = mmaction2_presets(num_clips=25, crop_type="center") | {"snippets": SNIPPETS}


@dataclass(frozen=True)
class TSNConfig(ClipConfig):
    """What `--feature_type tsn` lets the user choose; defaults are those of mmaction2 0.x's feature extraction."""

    PRESETS = PRESETS

    preset: str = preset(PRESETS, "mmaction2_0x")
    stack_size: int = common_flags.stack_size(GROUP, 1, "frames in a clip, each seen alone and averaged")
    frame_interval: int = common_flags.frame_interval(GROUP, 1)
    checkpoint: str | None = common_flags.checkpoint(GROUP, PUBLISHED_NAME)
