import torch

from utils.worker.batch import AGAIN, Packer
from utils.worker.window_builder import WindowInput

WINDOW = WindowInput(0, {"frames": torch.zeros(3)}, 0.0, 1.0, 0)


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
