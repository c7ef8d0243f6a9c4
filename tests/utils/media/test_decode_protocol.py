"""The memory that a process which decodes and the one that wants the frames share."""

import os

import numpy as np
import pytest

from utils.media.decode_process import IS_POSSIBLE
from utils.media.decode_protocol import N_SLOTS, SharedFrames
from utils.media.limits import Limits
from utils.media.video import CHUNK_BYTES

pytestmark = pytest.mark.skipif(not IS_POSSIBLE, reason="needs memory files, which Linux has")


def test_each_slot_holds_its_own_frames_in_both_processes() -> None:
    limits = Limits(max_pixels=CHUNK_BYTES)  # a frame of so many takes three times as many bytes
    ours = SharedFrames(limits)
    theirs = SharedFrames(limits, os.dup(ours.file))
    for number in range(N_SLOTS):
        frames = ours.slot(number, (3, limits.max_pixels))
        frames[:, 0] = frames[:, -1] = number + 1
    ours.decoded_s[0] = 1.5
    for number in range(N_SLOTS):
        frames = theirs.slot(number, (3, limits.max_pixels))
        assert frames.dtype == np.uint8 and frames[:, [0, -1]].tolist() == [[number + 1] * 2] * 3
    assert theirs.decoded_s.tolist() == [1.5]
