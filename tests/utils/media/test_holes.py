"""Holes in the times of packets."""

from fractions import Fraction

import pytest

from utils.media.holes import AudioHoles, FrameHoles, Holes

MS = Fraction(1, 1000)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((0, 20, 40, 60), Holes(0, 0)),
        ((0, 20, 60, 80), Holes(1, 20)),
        ((0, 20, 52, 60, 80), Holes(0, 0)),  # an inexact time: what is missing before it overlaps after it
        ((0, 24, 44, 64), Holes(0, 0)),  # jitter
    ],
)
def test_sound(times: tuple[int, ...], expected: Holes) -> None:
    holes = AudioHoles(MS)
    for pts in times:
        holes.push(pts, 20, is_joint=False)
    assert holes.found() == expected


def test_no_hole_at_a_joint() -> None:
    holes = AudioHoles(MS)
    holes.push(0, 20, is_joint=False)
    holes.push(500, 20, is_joint=True)
    assert holes.found() == Holes(0, 0)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (range(0, 4000, 40), Holes(0, 0)),
        ([t for t in range(0, 4000, 40) if t not in (400, 440, 2000)], Holes(2, 120)),
        ([*range(0, 1000, 40), *range(1040, 2080, 40), *range(2040, 4000, 40)], Holes(0, 0)),  # inexact times
        ([*range(0, 2000, 40), *range(2240, 3000, 40), *range(2960, 4000, 40)], Holes(1, 200)),  # one, not taken back
        ([40 * (n ^ 1) for n in range(100)], Holes(0, 0)),  # B-frames
        ([0, 40, 400], Holes(0, 0)),  # too few to know the rate
        ([n * n for n in range(100)], Holes(0, 0)),  # a varying rate
    ],
)
def test_frames(times: list[int], expected: Holes) -> None:
    holes = FrameHoles(MS)
    for pts in times:
        holes.push(pts)
    assert holes.found() == expected


def test_no_hole_between_frames_at_a_joint() -> None:
    joints: list[int] = []
    holes = FrameHoles(MS, joints)
    for pts in (*range(0, 2000, 40), *range(2070, 4000, 40)):
        if pts == 2070:
            joints.append(pts)
        holes.push(pts)
    assert holes.found() == Holes(0, 0)
