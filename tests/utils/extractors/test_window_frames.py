"""Windows in frames and in seconds, through the settings of the types that have them."""

import pytest

from models.clip.config import CLIPConfig
from models.i3d.config import I3DConfig
from models.internvideo2.config import InternVideo2Config
from models.panns.config import PANNsConfig
from models.r21d.config import R21DConfig
from models.resnet.config import ResNetConfig
from models.s3d.config import S3DConfig
from models.videomae.config import VideoMAEConfig
from utils.config.schema import output_settings
from utils.errors import UserError, VideoError
from utils.extractors.window_frames import check_seen, in_words


@pytest.mark.parametrize(
    ("config", "windows"),
    [
        (I3DConfig(), (64, 64)),
        (I3DConfig(window_s=2.0), (50, 50)),
        (I3DConfig(window_s=2.0, step_s=0.5), (50, 12)),  # 12.5, to even
        (I3DConfig(step_s=0.001), (64, 1)),
        (S3DConfig(), (64, 64)),
        (S3DConfig(variant="howto100m"), (32, 32)),
        (S3DConfig(variant="howto100m", step_s=1.0), (32, 25)),
        (R21DConfig(window_s=0.64), (16, 16)),
        (VideoMAEConfig(window_s=1.0), (25, 25)),
        (ResNetConfig(stack_size=8), (8, 8)),
        (ResNetConfig(window_s=2.0, step_s=1.0), (50, 25)),
    ],
)
def test_lengths_of_windows_at_25_frames_per_second(config, windows):
    assert config.windows(25.0) == windows


@pytest.mark.parametrize(
    ("make", "flags", "message"),
    [
        (I3DConfig, {"window_s": 1.0, "stack_size": 16}, "--window_s and --stack_size exclude each other"),
        (S3DConfig, {"window_s": 1.0, "step_size": 16}, "--window_s and --step_size exclude each other"),
        (ResNetConfig, {"step_s": 1.0, "step_size": 16}, "--step_s and --step_size exclude each other"),
        (I3DConfig, {"frames_per_window": 9}, "--frames_per_window is 9; the network takes at least 10 frames"),
        (I3DConfig, {"frames_per_window": 65}, "of a window at most as many as it has"),
        (VideoMAEConfig, {"frames_per_window": 8}, "--frames_per_window 8: the network takes 16 frames"),
        (R21DConfig, {"stack_size": 4, "frames_per_window": 8}, "--stack_size is 4, fewer than the 8 frames"),
        (S3DConfig, {"variant": "howto100m", "frames_per_window": 15}, "at least 14 frames, in multiples of 2"),
        (InternVideo2Config, {"num_frames": 4, "frames_per_window": 4}, "are the same: drop one"),
        (R21DConfig, {"align_rows": "end", "tail": "back"}, "--tail back is for --align_rows start"),
        (PANNsConfig, {"align_rows": "middle", "tail": "cycle"}, "--tail cycle is for --align_rows start"),
        (ResNetConfig, {"pool": "first"}, "add --stack_size or --window_s"),
        (ResNetConfig, {"extraction_total": 5, "stack_size": 2}, "--extraction_total is for a row per frame"),
        (
            CLIPConfig,
            {"clip_len": 2.0, "window_s": 2.0},
            "--clip_len and --stack_size or --window_s exclude each other",
        ),
    ],
)
def test_what_excludes_each_other_is_refused(make, flags, message):
    with pytest.raises(UserError, match=message):
        make(**flags)


def test_a_window_must_have_the_frames_that_the_network_sees():
    check_seen(25, 16, range(16, 17))
    assert in_words(range(10, 1 << 30)) == "at least 10 frames"
    for n_frames, n_seen, taken in (
        (12, 16, range(16, 17)),
        (9, 9, range(10, 1 << 30)),
        (15, 15, range(14, 1 << 30, 2)),
    ):
        with pytest.raises(VideoError, match=f"a window has {n_frames} frames at its frame rate"):
            check_seen(n_frames, n_seen, taken)


def test_settings_of_outputs_made_before_are_the_same():
    new = {"window_s", "step_s", "frames_per_window", "align_rows"}
    for config in (I3DConfig(), S3DConfig(), R21DConfig(), VideoMAEConfig(), InternVideo2Config(), ResNetConfig()):
        assert not new & output_settings(config).keys()
    assert output_settings(VideoMAEConfig()).keys().isdisjoint({"stack_size", "frame_choice"})
    assert output_settings(ResNetConfig()).keys().isdisjoint({"stack_size", "step_size", "pool", "tail", "short_video"})
