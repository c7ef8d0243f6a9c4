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
HOWTO100M = Published(
    name="s3d_howto100m.pth",
    url="https://www.rocq.inria.fr/cluster-willow/amiech/howto100m/s3d_howto100m.pth",
    licence="none stated for the weights (code: Apache-2.0)",
    source="https://github.com/antoine77340/S3D_HowTo100M",
    megabytes=124,
)
FILES = (TORCHIFIED, TORCHVISION, HOWTO100M)


def needs(config: S3DConfig) -> dict[str, Needed]:
    """Return the network's file."""
    return {"s3d": Needed(HOWTO100M if config.variant == "howto100m" else TORCHIFIED, config.checkpoint)}
