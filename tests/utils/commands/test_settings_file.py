"""Settings of a file are told apart: those for all feature types, and those for one."""

import pytest

from models import MODELS
from utils.commands.settings_file import split_settings
from utils.errors import UserError


def test_mappings_and_dots_are_settings_of_one_type() -> None:
    yaml = {"limit": 3, "video_list": "a.txt", "i3d": {"step-size": 8}, "clip.model_name": "ViT-B/16"}
    general, of_types = split_settings("--config a.yaml", yaml, ["i3d", "clip"], MODELS)
    assert general == {"limit": 3, "file_with_video_paths": "a.txt"}
    assert of_types == {"i3d": {"step_size": 8}, "clip": {"model_name": "ViT-B/16"}}


def test_a_setting_under_two_spellings_is_refused() -> None:
    with pytest.raises(UserError, match=r"--config a.yaml: i3d.step_size is given twice"):
        split_settings("--config a.yaml", {"i3d": {"step_size": 8}, "i3d.step_size": 4}, ["i3d"], MODELS)
