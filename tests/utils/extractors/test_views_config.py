"""--resize, --crop_type and --crop_boxes as settings."""

import pytest

from utils.config.schema import output_settings
from utils.errors import UserError, VideoError
from utils.extractors.views_config import Resize, ViewsConfig, checked_resize, too_small
from utils.transforms.geometry import shorter_side


@pytest.mark.parametrize(
    ("given", "size"),
    [("short:40", (40, 53)), ("squash:340x256", (256, 340)), ("none", (150, 200)), ("ffmpeg:40", (150, 200))],
)
def test_resizes(given, size):
    resize = ViewsConfig(resize=given).given_resize
    assert resize is not None and resize.of(150, 200, 32, shorter_side) == size


def test_what_does_not_fit_is_refused():
    with pytest.raises(VideoError, match="frames of 20x40 pixels are smaller than the 32x32"):
        Resize().of(40, 20, 32, shorter_side)
    assert too_small(223, 300, 224).endswith("--resize short:225")  # 224 was tried, and rounded down
    for given in (
        "short",
        "short:0",
        "squash:340",
        "squash:0x256",
        "squash:9000x256",
        "short:99999",
        "short:1.5",
        "ffmpeg:0",
    ):
        with pytest.raises(UserError, match=f"--resize is {given}; it must be short:256"):
            ViewsConfig(resize=given)
    for given in ("short:223", "squash:223x256", "squash:256x100", "ffmpeg:223"):
        with pytest.raises(UserError, match="frames become smaller than the 224x224"):
            checked_resize(ViewsConfig(resize=given), (224, 224))
    with pytest.raises(UserError, match="--crop_boxes says where the crops"):
        ViewsConfig(crop_boxes="anomaly")
    assert ViewsConfig(resize="ffmpeg:40").frame_side == 40 and ViewsConfig(resize="short:40").frame_side is None
    assert output_settings(ViewsConfig()) == {}
