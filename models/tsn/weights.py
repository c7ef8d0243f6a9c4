"""Loading TSN from published files into torchvision's ResNet-50."""

from pathlib import Path

from models.tsn.network import TSN
from utils.nn.lean_torchvision import torchvision
from utils.weights.checkpoint import load_strict, n_classes, read_tensors
from utils.weights.rename import rename
from utils.weights.seeded import fill_random

NAMES = (  # mmaction2 → torchvision; shapes are the same
    (r"backbone\.conv1\.conv\.", "conv1."),
    (r"backbone\.conv1\.bn\.", "bn1."),
    (r"backbone\.(layer\d\.\d+)\.conv(\d)\.conv\.", r"\1.conv\2."),
    (r"backbone\.(layer\d\.\d+)\.conv(\d)\.bn\.", r"\1.bn\2."),
    (r"backbone\.(layer\d\.\d+)\.downsample\.conv\.", r"\1.downsample.0."),
    (r"backbone\.(layer\d\.\d+)\.downsample\.bn\.", r"\1.downsample.1."),
    (r"cls_head\.fc_cls\.", "fc."),
)


def load_tsn(path: str | Path) -> TSN:
    """Return the network in evaluation mode, on the CPU, with as many classes as the file has.

    Raises:
        UserError: the file cannot be read, or its tensors are not those of a ResNet-50.
    """
    tensors = rename(read_tensors(path), NAMES)
    resnet = torchvision.models.resnet50(num_classes=n_classes(tensors, "fc.bias", 400))
    load_strict(resnet, tensors, path)
    return TSN(resnet).eval()


def random_tsn() -> TSN:
    """Return the network in evaluation mode with seeded random weights, the same everywhere."""
    resnet = torchvision.models.resnet50(num_classes=400)
    fill_random(resnet)
    return TSN(resnet).eval()
