import pytest

from utils.errors import UserError
from utils.extractors.frames_config import FramewiseConfig


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"extraction_fps": 5.0, "extraction_total": 9}, "--extraction_fps and --extraction_total exclude"),
        ({"stack_size": 4, "extraction_total": 9}, "--extraction_total is for a row per frame"),
        ({"window_s": 1.0, "stack_size": 4}, "--window_s and --stack_size exclude"),
        *(({name: value}, "are for windows: add --stack_size or --window_s")
          for name, value in (("step_size", 4), ("step_s", 1.0), ("pool", "first"), ("tail", "back"))),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(flags: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        FramewiseConfig(**flags)


@pytest.mark.parametrize(
    ("flags", "windows"),
    [
        ({}, (1, 1)),
        ({"stack_size": 4}, (4, 4)),
        ({"stack_size": 4, "step_size": 3}, (4, 3)),
        ({"window_s": 2.0}, (50, 50)),
        ({"window_s": 2.0, "step_s": 0.4}, (50, 10)),
    ],
)
def test_windows_of_a_video_of_25_frames_a_second(flags: dict, windows: tuple[int, int]) -> None:
    config = FramewiseConfig(**flags)
    assert config.windows(25.0) == windows
    assert config.has_windows == bool(flags)
