"""Copies from the host to a GPU that run while it computes."""

from collections import deque

import numpy as np
import torch
from torch import Tensor


def pinned_bytes(shape: tuple[int, ...]) -> np.ndarray:
    """Return uint8 memory that a GPU copies from by itself, not initialized."""
    return torch.empty(shape, dtype=torch.uint8, pin_memory=True).numpy()


class DeviceCopies:
    """Copies tensors to a GPU on a separate stream: they do not wait for the batches launched before."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._copying: deque[tuple[torch.cuda.Event | torch.Event, Tensor]] = deque()  # what must not be freed yet

    def copy(self, tensor: Tensor) -> Tensor:
        """Return a tensor on the device. What is launched from now on waits for the copy; the host does not."""
        computing = torch.cuda.current_stream(self._device)
        pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
        with torch.cuda.stream(self._stream):
            copied = pinned.to(self._device, non_blocking=True)
        self._copying.append((self._stream.record_event(), pinned))
        while self._copying and self._copying[0][0].query():
            self._copying.popleft()
        computing.wait_stream(self._stream)
        copied.record_stream(computing)  # it lies in memory of the other stream
        return copied
