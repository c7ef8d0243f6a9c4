"""Tensor names of published checkpoints → those of our networks, by a table of patterns."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from torch import Tensor

Value = TypeVar("Value")


def rename(state: Mapping[str, Value], table: Sequence[tuple[str, str]]) -> dict[str, Value]:
    """Return `state` under new names, in the same order.

    table: (pattern, replacement) as for re.sub; the first pattern that matches the beginning of a name counts. A name
    without a match stays, for a strict loader to report.
    """
    patterns = [(re.compile(pattern), replacement) for pattern, replacement in table]
    return {_renamed(name, patterns): value for name, value in state.items()}


def _renamed(name: str, patterns: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, replacement in patterns:
        if match := pattern.match(name):
            return match.expand(replacement) + name[match.end() :]
    return name


# of a network inside another: by torch.compile, and of encoders or backbones
WITHOUT_PREFIXES = ((r"(?:_orig_mod\.)?(?:backbone\.|encoder\.)?", ""),)

MMACTION2_CLASSIFIER = "cls_head.fc_cls."

MMACTION2_NAMES = (  # mmaction2 → utils.nn.resnet3d.Classifier3D
    (r"cls_head\.fc_cls\.", "classifier."),
    (r"(.+)\.non_local_block\.theta\.conv\.", r"\1.non_local.theta."),
    (r"(.+)\.non_local_block\.(phi|g)\.0\.conv\.", r"\1.non_local.\2."),
    (r"(.+)\.non_local_block\.", r"\1.non_local."),
)


def from_mmaction2(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names of utils.nn.resnet3d.Classifier3D; other names stay, see `rename`."""
    return rename(tensors, MMACTION2_NAMES)


def count_mmaction2_classes(tensors: dict[str, Tensor], otherwise: int) -> int:
    """Return the number of classes of the last layer; `otherwise` where it is missing, which load_strict reports."""
    weight = tensors.get(f"{MMACTION2_CLASSIFIER}weight")
    return weight.shape[0] if weight is not None and weight.ndim else otherwise
