import numpy as np
import pytest
import torch

from utils.worker.frame_store import FrameStore
from utils.worker.pair_cache import PairCache, PairLimits


class Difference:
    """A PairStage that keeps a kilobyte of each frame."""

    multiple = 1

    def encode(self, frames):
        return (frames.float().mean((1, 2, 3)).repeat(256, 1).T,)

    def between(self, first, second, size):
        return second[0] - first[0]

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        return 100


class InFours(Difference):
    """A PairStage that wants few sizes of batches, and notes them."""

    multiple = 4

    def __init__(self):
        self.sizes = []

    def encode(self, frames):
        self.sizes.append(len(frames))
        return super().encode(frames)

    def between(self, first, second, size):
        self.sizes.append(len(first[0]))
        return super().between(first, second, size)

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        return 9


def test_of_encoded_frames_only_the_last_is_kept():
    store = FrameStore()
    store.append(torch.arange(50, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 4, 5, 3), np.arange(50.0))
    cache = PairCache(Difference(), store, PairLimits())
    rows = cache.take(range(50))
    assert torch.equal(rows, torch.ones(49, 256))
    assert cache._last is not None
    last, encoded = cache._last
    assert last == 49
    assert sum(part.untyped_storage().nbytes() for part in encoded) == 1024


def test_batches_are_filled_up_to_a_multiple_where_that_fits():
    store, stage = FrameStore(), InFours()
    store.append(torch.arange(25, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 4, 5, 3), np.arange(25.0))
    cache = PairCache(stage, store, PairLimits())
    assert torch.equal(cache.take(range(7)), torch.ones(6, 256))
    assert torch.equal(cache.take(range(6, 24)), torch.ones(17, 256))
    assert stage.sizes == [8, 8, 9, 9, 8, 8]  # nine at once, so nine are not filled up to twelve


class Small(InFours):
    """A device that has room for so many pairs at once."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def between(self, first, second, size):
        if len(first[0]) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().between(first, second, size)


@pytest.mark.parametrize(("n_pairs", "room", "most"), [(1, 1, 2), (3, 3, 3), (6, 3, 3), (8, 2, 2)])
def test_surplus_pairs_are_the_first_to_be_left_out_where_memory_is_short(n_pairs, room, most):
    store, limits = FrameStore(), PairLimits()
    frames = torch.arange(n_pairs + 1, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 4, 5, 3)
    store.append(frames, np.arange(n_pairs + 1.0))
    cache = PairCache(Small(room), store, limits)
    assert torch.equal(cache.take(range(n_pairs + 1)), torch.ones(n_pairs, 256))
    assert limits.most == {(4, 5): most}
