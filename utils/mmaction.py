"""The layout of checkpoints that mmaction2 publishes for its 3D ResNets."""

from torch import Tensor

CLASSIFIER = "cls_head.fc_cls."


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names of utils.resnet3d.Classifier3D; foreign names stay for a strict loader."""
    return {_renamed(name): value for name, value in tensors.items()}


def count_classes(tensors: dict[str, Tensor], otherwise: int) -> int:
    """Return the number of classes of the last layer; `otherwise` where it is missing, which load_strict reports."""
    weight = tensors.get(f"{CLASSIFIER}weight")
    return weight.shape[0] if weight is not None and weight.ndim else otherwise


def _renamed(name: str) -> str:
    if name.startswith(CLASSIFIER):
        return f"classifier.{name.removeprefix(CLASSIFIER)}"
    stem, found, rest = name.partition(".non_local_block.")
    if not found:
        return name
    for theirs, ours in (("theta.conv.", "theta."), ("phi.0.conv.", "phi."), ("g.0.conv.", "g.")):
        if rest.startswith(theirs):
            rest = ours + rest.removeprefix(theirs)
    return f"{stem}.non_local.{rest}"
