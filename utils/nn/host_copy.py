"""Copies of results from a device to the host that wait for nothing but their own batch."""

import torch
from torch import Tensor


class HostCopy:
    """Results of a batch on their way to the host, into pinned memory.

    A plain `.cpu()` would wait for all that the device was given, so also for the batch after this one.
    """

    def __init__(self, outputs: dict[str, Tensor]) -> None:
        devices = {value.device for value in outputs.values()}
        self._outputs = {key: value.to("cpu", non_blocking=True) for key, value in outputs.items()}
        self._copied = [torch.Event(device) for device in devices if device.type != "cpu"]
        for event in self._copied:
            event.record()

    def wait(self) -> dict[str, Tensor]:
        """Return the results once they are on the host."""
        if not self._copied:
            return self._outputs
        for event in self._copied:
            event.synchronize()
        # rows stay until their video ends: in pinned memory they would take more and more of it
        return {key: value.clone() for key, value in self._outputs.items()}
