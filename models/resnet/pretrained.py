"""The published files of ResNet, and those that a configuration needs. Imports no torch."""

from models.resnet.config import ResNetConfig
from utils.weights.pretrained import Needed, Published

FOLDER = "https://download.pytorch.org/models"
PAGE = "https://docs.pytorch.org/vision/stable/models/resnet.html"
LICENCE = (
    "No licence stated for the weights; they come with torchvision (BSD-3-Clause), trained on ImageNet-1k, whose "
    "images are for non-commercial research."
)


def _published(model_name: str, sha256: str, megabytes: int) -> Published:
    name = f"{model_name}-{sha256}.pth"
    return Published(name, f"{FOLDER}/{name}", LICENCE, PAGE, sha256=sha256, megabytes=megabytes)


# torchvision's IMAGENET1K_V1 weights; the digits in the names are the first of the SHA-256
BY_MODEL = {
    "resnet50": _published("resnet50", "0676ba61", 103),
    "resnet18": _published("resnet18", "f37072fd", 47),
    "resnet34": _published("resnet34", "b627a593", 87),
    "resnet101": _published("resnet101", "63fe2227", 179),
    "resnet152": _published("resnet152", "394f9c45", 242),
}
FILES = tuple(BY_MODEL.values())


def needs(config: ResNetConfig) -> dict[str, Needed]:
    """Return the file of the chosen network."""
    return {"resnet": Needed(BY_MODEL[config.model_name], config.checkpoint)}
