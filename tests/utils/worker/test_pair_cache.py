import numpy as np
import torch

from utils.worker.frame_store import FrameStore
from utils.worker.pair_cache import PairCache, PairLimits


class Difference:
    """A PairStage that keeps a kilobyte of each frame."""

    def encode(self, frames):
        return (frames.float().mean((1, 2, 3)).repeat(256, 1).T,)

    def between(self, first, second, _size):
        return second[0] - first[0]

    def pairs_at_once(self, _size):
        return 100


def test_of_encoded_frames_only_the_last_is_kept():
    store = FrameStore()
    store.append(torch.arange(50, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 4, 5, 3), np.arange(50.0))
    cache = PairCache(Difference(), store, PairLimits())
    rows = cache.take(range(50))
    assert torch.equal(rows, torch.ones(49, 256))
    last, encoded = cache._last
    assert last == 49
    assert sum(part.untyped_storage().nbytes() for part in encoded) == 1024
