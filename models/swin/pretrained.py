"""The published files of Video Swin. Imports no torch."""

from models.swin.config import PUBLISHED_NAME, SwinConfig
from utils.weights.pretrained import Needed, Published

FOLDER = "swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb"

MMACTION2 = Published(
    name=PUBLISHED_NAME,
    url=f"https://download.openmmlab.com/mmaction/v1.0/recognition/swin/{FOLDER}/{PUBLISHED_NAME}",
    licence="No licence stated for the weights; published by mmaction2 (Apache-2.0), trained on Kinetics-400",
    source="https://github.com/open-mmlab/mmaction2/tree/main/configs/recognition/swin",
    sha256="241016b2",
    megabytes=127,
)
AUTHORS = Published(
    name="swin_tiny_patch244_window877_kinetics400_1k.pth",
    url="https://github.com/SwinTransformer/storage/releases/download/v1.0.4/"
    "swin_tiny_patch244_window877_kinetics400_1k.pth",
    licence="No licence stated for the weights; published by the authors of Video Swin (Apache-2.0)",
    source="https://github.com/SwinTransformer/Video-Swin-Transformer",
    megabytes=127,
)
TORCHVISION = Published(
    name="swin3d_t-7615ae03.pth",
    url="https://download.pytorch.org/models/swin3d_t-7615ae03.pth",
    licence="No licence stated for the weights; published by torchvision (BSD-3-Clause), ported from the authors'",
    source="https://github.com/pytorch/vision",
    sha256="7615ae03",
    megabytes=127,
)
FILES = (MMACTION2, AUTHORS, TORCHVISION)


def needs(config: SwinConfig) -> dict[str, Needed]:
    """Return the network's file."""
    return {"swin": Needed(MMACTION2, config.checkpoint)}
