"""Frames of a window: as the published code chooses them, and by brute force."""

import json
from fractions import Fraction

import pytest
from support.golden import GOLDEN

from utils.extractors.frame_choice import CHOICES, chosen_frames


def test_frames_are_chosen_as_in_the_code_of_internvideo2():
    for row in json.loads((GOLDEN / "internvideo2" / "sampling.json").read_text())["rows"]:
        if row["mode"] == "validation":
            assert CHOICES["finetuning"](row["frames"], row["num_frames"]) == row["indices"]
    assert chosen_frames(16, 8, "demo") == [0, 2, 4, 6, 8, 10, 12, 14]
    assert chosen_frames(30, 8, "demo") == [0, 3, 6, 9, 12, 15, 18, 21]


def test_the_other_choices():
    assert chosen_frames(30, 4, "uniform") == [0, 9, 19, 29]
    assert chosen_frames(30, 1, "uniform") == [0]
    assert chosen_frames(30, 4, "middle") == [3, 11, 18, 26]
    assert chosen_frames(30, 4, "first") == [0, 1, 2, 3]
    for n in range(1, 80):
        for k in range(1, n + 1):
            uniform = [int(Fraction(n - 1, k - 1) * i) if k > 1 else 0 for i in range(k)]
            assert CHOICES["uniform"](n, k) == uniform
            assert all(i * n // k <= frame < (i + 1) * n / k for i, frame in enumerate(CHOICES["middle"](n, k)))


@pytest.mark.parametrize("choice", CHOICES)
def test_all_frames_are_seen_where_the_network_takes_as_many(choice):
    assert list(chosen_frames(8, 8, choice)) == list(range(8))
    assert chosen_frames(50, 8, choice) == sorted(set(chosen_frames(50, 8, choice)))
    with pytest.raises(ValueError, match="8 of 7 frames"):
        chosen_frames(7, 8, choice)
