"""Class names for --show_pred, and the best classes of a row of logits."""

from collections.abc import Sequence

import numpy as np


def class_names(label_set: str) -> Sequence[str]:
    """Return the class names of "kinetics400" or "imagenet1k", in the order that all published checkpoints use.

    They are part of torchvision's descriptions of its weights.
    """
    from torchvision.models import ResNet50_Weights  # pyright: ignore[reportMissingTypeStubs]  # there are none
    from torchvision.models.video import R3D_18_Weights  # pyright: ignore[reportMissingTypeStubs]  # as above

    if label_set == "kinetics400":
        return R3D_18_Weights.KINETICS400_V1.meta["categories"]
    return ResNet50_Weights.IMAGENET1K_V1.meta["categories"]


def top_classes(logits: np.ndarray, names: Sequence[str] | None, n: int = 5) -> list[str]:
    """Return a line for each of the `n` best classes: logit, softmax probability, name.

    logits: [classes]. If there are not as many names, classes are numbered.
    """
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = shifted / shifted.sum()
    if names is None or len(names) != len(logits):
        names = [f"class {i}" for i in range(len(logits))]
    best = np.argsort(-logits, kind="stable")[:n]
    return [f"  {logits[i]:10.4f}  {probabilities[i]:.4f}  {names[i]}" for i in best]
