from dataclasses import dataclass

import pytest

from utils.config import shared_flags
from utils.errors import UserError
from utils.extractors.stacks_config import GROUP, StackConfig
from utils.extractors.window_frames import MANY


@dataclass(frozen=True)
class Stacks(StackConfig):
    """Of a network that sees at least 4 frames."""

    stack_size: int = shared_flags.stack_size(GROUP, 16, "frames")
    step_size: int | None = shared_flags.step_size(GROUP, None)

    @property
    def stack(self) -> tuple[int, int]:
        return self.stack_size, self.step_size or self.stack_size

    @property
    def frames_taken(self) -> range:
        return range(4, MANY)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"frames_per_window": 3}, "--frames_per_window 3: the network takes at least 4 frames"),
        ({"stack_size": 5, "frames_per_window": 8}, "--stack_size is 5, fewer than the 8 frames that the network sees"),
        ({"align_rows": "middle", "tail": "back"}, "--tail back is for --align_rows start"),
        ({"window_s": 1.0, "step_size": 4}, "--window_s and --step_size exclude"),
    ],
)
def test_what_cannot_be_meant_is_refused(flags: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Stacks(**flags)


def test_windows_and_what_is_seen_of_them() -> None:
    assert Stacks(step_size=4).windows(25.0) == (16, 4)
    assert Stacks(window_s=2.0, step_s=0.2).windows(25.0) == (50, 5)
    assert Stacks(window_s=0.2, frames_per_window=8).windows(25.0) == (5, 5)  # refused with the video
    assert (Stacks().n_seen(16), Stacks(frames_per_window=8).n_seen(16)) == (16, 8)
