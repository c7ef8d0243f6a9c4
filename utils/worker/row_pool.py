"""Means of rows over windows: each row comes from the network once, also where windows overlap."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from utils.extractors.base import Batch
from utils.extractors.windows import Dense
from utils.worker.window_builder import WindowBuilder, Windows


class _Mean:
    """Stands in for an extractor whose frames are rows of features."""

    pairs = views = None

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the mean over rows [n, D], in float64."""
        return {"mean": frames.mean(0, dtype=torch.float64).to(frames.dtype)}

    def windows_of_frames(self, frames: Tensor) -> Batch:
        """Return rows, each a window."""
        return {"mean": frames}


Rows = tuple[Windows, dict[str, np.ndarray]]  # with their values [n, D] by key


class RowPool:
    """The windows of one video's rows. It keeps no more rows than a window has.

    windows: of rows. A row is that of a single frame.
    """

    def __init__(self, windows: Dense) -> None:
        self._windows = windows
        self._builders: dict[str, WindowBuilder] = {}
        self._n_rows = 0

    def push(self, windows: Windows, values: Mapping[str, np.ndarray]) -> list[Rows]:
        """Take the next rows, values [n, D] by key; return the windows that they complete, with the means.

        Raises:
            ValueError: they are not the next ones.
        """
        if windows.row != self._n_rows:
            raise ValueError(f"row {windows.row} came where {self._n_rows} was expected")
        self._n_rows += len(windows)
        if not self._builders:
            self._builders = {key: WindowBuilder(_Mean(), self._windows) for key in values}
        return self._by_key(
            builder.push(torch.as_tensor(values[key]), windows.end_s) for key, builder in self._builders.items()
        )

    def finish(self) -> list[Rows]:
        """Return the windows that are left at the end of the video."""
        return self._by_key(builder.finish() for builder in self._builders.values())

    def _by_key(self, made: Iterable[Iterator[Windows]]) -> list[Rows]:
        return [
            (of_keys[0], {key: each.inputs["mean"].numpy() for key, each in zip(self._builders, of_keys, strict=True)})
            for of_keys in zip(*made, strict=True)
        ]
