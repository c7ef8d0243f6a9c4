import numpy as np
import pytest
import torch

from utils.worker.frame_store import FrameStore, latest


def store() -> FrameStore:
    """Return frames 0 to 9 in chunks of 4, 3 and 3; each holds its index, at a tenth of it in seconds."""
    made = FrameStore()
    for chunk in torch.arange(10).split((4, 3, 3)):
        made.append(chunk[:, None], chunk.numpy() / 10)
    return made


@pytest.mark.parametrize("indices", [range(1, 3), range(2, 9), range(0, 10, 3), [4, 5, 0, 1], [9, 9, 3]])
def test_frames_are_taken_in_the_order_asked_for(indices):
    frames = store()
    assert frames.take(indices).flatten().tolist() == list(indices)
    assert latest(indices) == max(indices)


def test_frames_of_one_chunk_are_not_copied():
    frames = store()
    assert frames.take(range(4, 7)).data_ptr() == frames.take([4, 5, 6]).data_ptr()


def test_old_chunks_are_dropped_but_for_the_last():
    frames = store()
    frames.drop_before(5)
    assert frames.take([4]).tolist() == [[4]] and frames.stop == 10
    with pytest.raises(IndexError, match="frame 3 is not kept"):
        frames.take([3])
    frames.drop_before(100)
    assert np.isclose(frames.time_s(9), 0.9)


def test_zeros_and_their_times_surround_the_frames():
    frames = FrameStore(period_s=0.5)
    frames.append(torch.arange(1, 5)[:, None], np.arange(4) / 10)
    assert frames.take(range(-2, 6)).flatten().tolist() == [0, 0, 1, 2, 3, 4, 0, 0]
    assert [frames.time_s(index) for index in (-2, 0, 3, 5)] == [-1, 0, 0.3, 1.3]
