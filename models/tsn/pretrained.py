"""The published files of TSN. Imports no torch."""

from models.tsn.config import PUBLISHED_NAME, TSNConfig
from utils.weights.pretrained import Needed, Published

ADDRESS = "https://download.openmmlab.com/mmaction"
SOURCE = "https://github.com/open-mmlab/mmaction2/tree/main/configs/recognition/tsn"
LICENCE = "No statement for the weights alone; published by mmaction2 (Apache-2.0), trained on Kinetics-400"
NAME_1X = "tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_kinetics400-rgb"

CHECKPOINT = Published(
    name=PUBLISHED_NAME,
    url=f"{ADDRESS}/recognition/tsn/tsn_r50_320p_1x1x3_100e_kinetics400_rgb/{PUBLISHED_NAME}",
    licence=LICENCE,
    source=SOURCE,
    sha256="cc665e2a",
)
CHECKPOINT_1X = Published(
    name=f"{NAME_1X}_20220906-cd10898e.pth",
    url=f"{ADDRESS}/v1.0/recognition/tsn/{NAME_1X}/{NAME_1X}_20220906-cd10898e.pth",
    licence=LICENCE,
    source=SOURCE,
    sha256="cd10898e",
)
FILES = (CHECKPOINT, CHECKPOINT_1X)


def needs(config: TSNConfig) -> dict[str, Needed]:
    """Return the one file that it needs."""
    return {"tsn": Needed(CHECKPOINT, config.checkpoint)}
