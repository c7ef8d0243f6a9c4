"""The contract of text towers: networks that put texts into the space of a feature type's rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.config.label_file import read_labels

TEXTS_AT_ONCE = 64


@dataclass(frozen=True)
class Similarity:
    """How a library compares rows with texts.

    scale, bias: of the products. unit: whether vectors are divided by their L2 norms before. exclusive: whether
    logits become probabilities by a softmax over the texts; else by a sigmoid of each.
    """

    scale: float = 1.0
    bias: float = 0.0
    unit: bool = True
    exclusive: bool = True

    def logits(self, rows: Tensor, texts: Tensor) -> Tensor:
        """Return float32 [B, n] of rows [B, D] and texts [n, D]."""
        rows, texts = rows.float(), texts.to(rows.device)
        if self.unit:
            rows, texts = F.normalize(rows, dim=-1), F.normalize(texts, dim=-1)
        return rows @ texts.T * self.scale + self.bias


class TextTower(Protocol):
    """One configuration's network for text, on a device, in float32."""

    @property
    def similarity(self) -> Similarity:
        """How its vectors are compared with rows; UserError if the checkpoint does not say."""
        ...

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return float32 [n, D], the library's own text features."""
        ...


def embed_all(embed: Callable[[Sequence[str]], Tensor], texts: Sequence[str]) -> Tensor:
    """Return the vectors of any number of texts, float32 [n, D]. embed: of a tower, given a few texts at once."""
    parts = [texts[i : i + TEXTS_AT_ONCE] for i in range(0, len(texts), TEXTS_AT_ONCE)]
    with torch.inference_mode():
        return torch.cat([embed(part) for part in parts])


class ZeroShot:
    """The labels of a file as classes, for --show_pred. The text tower is not kept.

    Raises:
        UserError: there are no labels in the file, or the tower does not say how they are compared.
    """

    def __init__(self, path: str, tower: TextTower) -> None:
        self.names, self.similarity = read_labels(path), tower.similarity
        self._vectors = embed_all(tower.embed, self.names)

    def logits(self, rows: Tensor) -> Tensor:
        """Return the logits of each text, float32 [B, n]. rows: features [B, D]."""
        return self.similarity.logits(rows, self._vectors)
