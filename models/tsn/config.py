"""The settings of TSN."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.extractors.clips_config import GROUP, SNIPPETS, VideoClipsConfig, mmaction2_presets, preset

PUBLISHED_NAME = "tsn_r50_320p_1x1x3_100e_kinetics400_rgb_20200702-cc665e2a.pth"
# mmaction2 v0.24.1, configs/recognition/tsn/tsn_r50_clip_feature_extraction_1x1x3_rgb.py
PRESETS = mmaction2_presets(num_clips=25, crop_type="center") | {"snippets": SNIPPETS}


@dataclass(frozen=True)
class TSNConfig(VideoClipsConfig):
    """The flags of `--feature_type tsn`, with the defaults of mmaction2 0.x's feature extraction."""

    PRESETS = PRESETS

    preset: str = preset(PRESETS, "mmaction2_0x")
    stack_size: int = shared_flags.stack_size(GROUP, 1, "frames in a clip, each seen alone and averaged")
    frame_interval: int = shared_flags.frame_interval(GROUP, 1)
    checkpoint: str | None = shared_flags.checkpoint(GROUP, PUBLISHED_NAME)
