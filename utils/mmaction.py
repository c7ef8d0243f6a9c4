"""The layout of checkpoints that mmaction2 publishes for its 3D ResNets."""

from torch import Tensor

from utils.rename import rename

CLASSIFIER = "cls_head.fc_cls."
NAMES = (  # mmaction2 → utils.resnet3d.Classifier3D
    (r"cls_head\.fc_cls\.", "classifier."),
    (r"(.+)\.non_local_block\.theta\.conv\.", r"\1.non_local.theta."),
    (r"(.+)\.non_local_block\.(phi|g)\.0\.conv\.", r"\1.non_local.\2."),
    (r"(.+)\.non_local_block\.", r"\1.non_local."),
)


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names of utils.resnet3d.Classifier3D; foreign names stay for a strict loader."""
    return rename(tensors, NAMES)


def count_classes(tensors: dict[str, Tensor], otherwise: int) -> int:
    """Return the number of classes of the last layer; `otherwise` where it is missing, which load_strict reports."""
    weight = tensors.get(f"{CLASSIFIER}weight")
    return weight.shape[0] if weight is not None and weight.ndim else otherwise
