"""Features shown as text."""

from collections.abc import Callable

import numpy as np

from utils.sinks.output import Output
from utils.sinks.record import Record


class PrintSink:
    """Shows each array and its range, and leaves no file."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def write(self, record: Record) -> list[Output]:
        """Show the record as text."""
        lines = [record.ref.label]
        for key, array in record.arrays.items():
            lines += [key, str(array), f"shape: {list(array.shape)}; {_range(array)}"]
        self._show("\n".join(lines) + "\n")
        return []


def _range(array: np.ndarray) -> str:
    return f"max: {array.max():.8f}; mean: {array.mean():.8f}; min: {array.min():.8f}"
