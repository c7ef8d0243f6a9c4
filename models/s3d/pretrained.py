"""The published files of S3D. Imports no torch."""

from models.s3d.config import S3DConfig
from utils.weights.pretrained import Needed, Published

TORCHIFIED = Published(
    name="S3D_kinetics400_torchified.pt",
    url=(
        "https://github.com/v-iashin/video_features/raw/a2f61b7a4cf0ca6a2d91dcc2182f57e7cfd12664/models/s3d/checkpoint/"
        "S3D_kinetics400_torchified.pt"
    ),
    licence="none stated for the weights (code: MIT)",
    source="https://github.com/kylemin/S3D",
    git_blob="65b27cbb412937b3dd705f4216cb822d679535df",
    megabytes=33,
)
TORCHVISION = Published(
    name="s3d-d76dad2f.pth",
    url="https://download.pytorch.org/models/s3d-d76dad2f.pth",
    licence="none stated for the weights (code: BSD-3-Clause)",
    source="https://github.com/pytorch/vision",
    sha256="d76dad2f",
    megabytes=34,
)
FILES = (TORCHIFIED, TORCHVISION)


def needs(config: S3DConfig) -> dict[str, Needed]:
    """Return the network's file."""
    return {"s3d": Needed(TORCHIFIED, config.checkpoint)}
