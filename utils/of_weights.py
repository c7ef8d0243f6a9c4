"""What is made of a weight once, for all later calls of its layer."""

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

Made = TypeVar("Made")


class OfWeights(Generic[Made]):
    """Keeps what was made of each weight until the weight changes or is gone."""

    def __init__(self) -> None:
        self._known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def get(self, weight: Tensor, make: Callable[[Tensor], Made]) -> Made:
        """Return what `make` gives for the weight, which is no inference tensor: those do not tell when they change."""
        state = (weight.data_ptr(), weight._version)
        known = self._known.get(weight)
        if known is None or known[0] != state:
            with torch.inference_mode(False):  # so that more can be made of what is made here
                known = (state, make(weight.detach()))
            self._known[weight] = known
        return known[1]
