"""Flags of `estimate` that are refused before anything is measured."""

import pytest

from main import main


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--feature_type", "i3d"], "no videos given"),
        (["--feature_type", "i4d"], "--feature_type i4d"),
        (["--feature_type", "i3d", "--video_paths", "a.mp4", "--sample", "0"], "--sample"),
        (["--feature_type", "i3d", "--video_paths", "a.mp4", "--price_per_hour", "-1"], "--price_per_hour"),
        (["--feature_type", "i3d", "--no_such_flag"], "no_such_flag"),
    ],
)
def test_wrong_flags_are_those_of_the_extraction(capsys, flags, message):
    assert main(["estimate", *flags, "--weights", "random"]) == 2
    assert message in capsys.readouterr().err
