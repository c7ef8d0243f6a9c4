"""Saved features as a PyTorch data set."""

import os
from typing import Any

import torch
from torch.utils.data import Dataset

from featmill.outputs import Outputs, load


class FeatureDataset(Dataset[dict[str, Any]]):
    """An item per video and feature type: {"name": str, key: tensor, ..., "start_s": tensor, "end_s": tensor}.

    "start_s" and "end_s" are float64 [windows], absent where features have no row per window. Files are opened in the
    process that reads them, so workers of a DataLoader may be forked or spawned.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._output, self._types = outputs.output, outputs.feature_types
        self._videos = outputs.identities
        self._opened: tuple[int, dict[str, Outputs]] | None = None

    def __len__(self) -> int:
        return len(self._videos)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), {name: load(self._output, name) for name in self._types}
        feature_type, identity = self._videos[index]
        video = self._opened[1][feature_type][identity]
        times = {"start_s": video.start_s, "end_s": video.end_s}
        arrays = {**video, **{key: array for key, array in times.items() if array is not None}}
        return {"name": video.name, **{key: torch.from_numpy(array.copy()) for key, array in arrays.items()}}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}
