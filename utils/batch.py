"""Windows of many videos → full batches, each row knowing its video and place."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from utils.cut import Cut
from utils.extractor import Batch

Owner = TypeVar("Owner")
Signature = tuple[tuple[str, torch.Size, torch.dtype], ...]


@dataclass(frozen=True)
class Packed(Generic[Owner]):
    """One batch: its inputs [B, ...], and for each row the video it belongs to and its window."""

    inputs: Batch
    rows: list[tuple[Owner, Cut]]


class Packer(Generic[Owner]):
    """Collects windows until a batch is full. Windows of different shapes never share a batch."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._waiting: dict[Signature, list[tuple[Owner, Cut]]] = {}

    def add(self, owner: Owner, cut: Cut) -> Packed[Owner] | None:
        """Take a window; return a batch if it became full."""
        signature = tuple((name, value.shape, value.dtype) for name, value in cut.inputs.items())
        rows = self._waiting.setdefault(signature, [])
        rows.append((owner, cut))
        if len(rows) < self._batch_size:
            return None
        return _pack(self._waiting.pop(signature))

    def flush(self) -> list[Packed[Owner]]:
        """Return what waits, in batches that are not full."""
        waiting, self._waiting = self._waiting, {}
        return [_pack(rows) for rows in waiting.values()]


def _pack(rows: list[tuple[Owner, Cut]]) -> Packed[Owner]:
    names = rows[0][1].inputs
    inputs = {name: torch.stack([cut.inputs[name] for _, cut in rows]) for name in names}
    return Packed(inputs, rows)
