import numpy as np
import torch

from utils.worker.batch import AGAIN, MOST_SHAPES, Packer, n_windows, stacked
from utils.worker.window_builder import Windows

WINDOW = Windows(0, {"frames": torch.zeros(1, 3)}, np.zeros(1), np.ones(1))


def test_a_size_that_did_not_fit_is_tried_again_after_many_batches():
    packer: Packer[str] = Packer(8)
    packer.lower(WINDOW, 3)
    sizes = []
    for _ in range(2 * AGAIN):
        packer.fitted(WINDOW)
        sizes.append(packer.capacity(WINDOW))
    assert sizes == [3] * (AGAIN - 1) + [6] * AGAIN + [8]
    packer.fitted(WINDOW)
    assert packer.capacity(WINDOW) == 8


def test_a_size_that_still_does_not_fit_waits_as_long_again():
    packer: Packer[str] = Packer(8)
    packer.lower(WINDOW, 4)
    for _ in range(AGAIN - 1):
        packer.fitted(WINDOW)
    packer.lower(WINDOW, 2)
    packer.fitted(WINDOW)
    assert packer.capacity(WINDOW) == 2


def test_batches_take_windows_of_several_videos_and_split_what_is_left():
    packer: Packer[str] = Packer(8)

    def windows(row: int, n: int) -> Windows:
        values = torch.arange(row, row + n)[:, None] + torch.zeros(3)
        return Windows(row, {"frames": values}, np.arange(n), np.arange(n), n_repeated=2)

    assert packer.add("a", windows(0, 5)) == []
    first, second = packer.add("b", windows(100, 13))
    assert [(name, part.row, len(part), part.n_repeated) for name, part in first] == [("a", 0, 5, 2), ("b", 100, 3, 2)]
    assert [(name, part.row, len(part), part.n_repeated) for name, part in second] == [("b", 103, 8, 0)]
    assert stacked([part for _, part in first], 8)["frames"][:, 0].tolist() == [0, 1, 2, 3, 4, 100, 101, 102]
    ((left,),) = packer.flush()
    assert (left[0], left[1].row, len(left[1])) == ("b", 111, 2)
    assert stacked([left[1]], 4)["frames"][:, 0].tolist() == [111, 112, 112, 112]
    assert packer.flush() == []


def test_windows_of_few_shapes_wait_however_many_come():
    packer: Packer[int] = Packer(8)

    def windows(side: int) -> Windows:
        return Windows(0, {"frames": torch.zeros(3, side)}, np.zeros(3), np.ones(3))

    for side in range(1, MOST_SHAPES + 1):
        assert packer.add(side, windows(side)) == []
    assert packer.add(1, windows(1)) == []  # so that those of side 2 came least recently
    made = [packer.add(side, windows(side)) for side in range(MOST_SHAPES + 1, 100)]
    assert [(owner, len(block)) for ((owner, block),), *_ in made[:2]] == [(2, 3), (3, 3)]
    assert [n_windows(batch) for batches in made for batch in batches].count(6) == 1  # both of side 1
    assert len(packer.flush()) == MOST_SHAPES
