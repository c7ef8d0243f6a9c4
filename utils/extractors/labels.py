"""Class names for --show_pred, and the best classes of a row of logits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Classes:
    """What logits are of.

    names: None, or another number than there are logits, where the classes have no names. exclusive: whether exactly
    one is right, so that probabilities are a softmax; else any number may be, and each probability is a sigmoid.
    """

    names: Sequence[str] | None = None
    exclusive: bool = True


def class_names(label_set: str) -> Sequence[str]:
    """Return the class names of "kinetics400" or "imagenet1k", in the order that all published checkpoints use.

    They are part of torchvision's descriptions of its weights.
    """
    from utils.nn.lean_torchvision import torchvision

    if label_set == "kinetics400":
        return torchvision.models.video.R3D_18_Weights.KINETICS400_V1.meta["categories"]
    return torchvision.models.ResNet50_Weights.IMAGENET1K_V1.meta["categories"]


def best_classes(logits: np.ndarray, classes: Classes, n: int = 5) -> list[tuple[str, float, float]]:
    """Return name, probability and logit of each of the `n` best classes.

    logits: [classes]. If there are not as many names, classes are numbered.
    """
    values, names = logits.astype(np.float64), classes.names
    if classes.exclusive:
        shifted = np.exp(values - values.max())
        probabilities = shifted / shifted.sum()
    else:
        probabilities = 1 / (1 + np.exp(-values))
    if names is None or len(names) != len(logits):
        names = [f"class {i}" for i in range(len(logits))]
    best: list[int] = np.argsort(-logits, kind="stable")[:n].tolist()
    return [(names[i], float(probabilities[i]), float(logits[i])) for i in best]


def class_lines(best: Sequence[tuple[str, float, float]]) -> list[str]:
    """Return a line for each of the best classes."""
    return [f"  {logit:10.4f}  {probability:.4f}  {name}" for name, probability, logit in best]
