"""Frames before the first key frame that need earlier ones."""

from typing import cast

import pytest
from av.packet import Packet

from utils.media.frame_notes import OpenStart


class _Packet:
    def __init__(self, pts: int) -> None:
        self.pts, self.is_keyframe = pts, pts == 2


@pytest.mark.parametrize(
    ("packets", "frames", "n_lost"),
    [
        ((2, 0, 1, 5, 3), (0, 1, 2, 3, 5), 0),
        ((2, 0, 1, 5, 3), (2, 3, 5), 2),
        ((2, 1, 1, 0, 0), (0, 1, 2), 0),  # fields
        ((0, 2, 1), (2,), 0),  # it does not start with a key frame, which is noted elsewhere
    ],
)
def test_an_open_start(packets: tuple[int, ...], frames: tuple[int, ...], n_lost: int) -> None:
    start = OpenStart()
    for pts in packets:
        start.see(cast(Packet, _Packet(pts)))
    for pts in frames:
        start.show(pts)
    assert (f": {n_lost} packets" in start.problem) if n_lost else not start.problem
