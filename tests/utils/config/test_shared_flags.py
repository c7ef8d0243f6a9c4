"""Checks of flags that several models share, on a config that has all of them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from utils.config import shared_flags
from utils.config.schema import Config, output_settings
from utils.errors import UserError


@dataclass(frozen=True)
class Windows(Config):
    """The flags of windows of frames."""

    stack_size: int = shared_flags.stack_size("x", 16, "frames", at_least=2)
    step_size: int | None = shared_flags.step_size("x", None)
    window_s: float | None = shared_flags.stack_s("x")
    step_s: float | None = shared_flags.step_s("x")
    extraction_fps: float | None = shared_flags.extraction_fps("x")
    num_clips: int = shared_flags.num_clips("x", 1)
    tail: str = shared_flags.tail("x")
    sound_clock: str = shared_flags.sound_clock("x")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"stack_size": 1}, "--stack_size is 1; it must be at least 2"),
        ({"step_size": 0}, "--step_size is 0"),
        ({"window_s": 0.0}, "--window_s is 0.0"),
        ({"step_s": 3601.0}, "--step_s is 3601.0"),
        ({"extraction_fps": 1001.0}, "--extraction_fps is 1001.0"),
        ({"num_clips": 0}, "--num_clips is 0"),
        ({"tail": "keep"}, "--tail is 'keep'"),
    ],
)
def test_bounds(flags: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Windows(**flags)


def test_settings_that_were_added_later_are_recorded_where_they_are_given() -> None:
    assert {"window_s", "sound_clock"} & output_settings(Windows()).keys() == set()
    assert output_settings(Windows(window_s=2.0, sound_clock="samples"))["sound_clock"] == "samples"


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        ({"window_s": 1.0}, ""),
        ({"window_s": 1.0, "stack_size": 16}, ""),  # its default
        ({"window_s": 1.0, "stack_size": 24}, "--window_s and --stack_size"),
        ({"window_s": 1.0, "step_size": 8}, "--window_s and --step_size"),
        ({"step_s": 1.0, "step_size": 8}, "--step_s and --step_size"),
        ({"step_s": 1.0, "stack_size": 24}, ""),
    ],
)
def test_lengths_are_in_seconds_or_in_frames(flags: dict, refused: str) -> None:
    if not refused:
        shared_flags.check_seconds(Windows(**flags))
        return
    with pytest.raises(UserError, match=f"{refused} exclude each other"):
        shared_flags.check_seconds(Windows(**flags))


def test_nothing_is_left_over_where_windows_are_centred() -> None:
    shared_flags.check_align_rows("start", "back")
    shared_flags.check_align_rows("middle", "drop")
    with pytest.raises(UserError, match="--tail back is for --align_rows start"):
        shared_flags.check_align_rows("middle", "back")


def test_labels_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a dog\n")
    shared_flags.check_labels(str(tmp_path / "labels.txt"))
    shared_flags.check_labels(False)
    with pytest.raises(UserError, match="needs a file of labels"):
        shared_flags.check_labels(True)
    with pytest.raises(UserError, match="not a file of labels"):
        shared_flags.check_labels(str(tmp_path / "absent.txt"))
