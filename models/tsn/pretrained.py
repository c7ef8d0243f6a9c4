"""The published files of TSN. Imports no torch."""

from models.tsn.config import PUBLISHED_NAME, TSNConfig
from utils.weights.pretrained import Needed, Published

FOLDER = "https://download.openmmlab.com/mmaction"
PAGE = "https://github.com/open-mmlab/mmaction2/tree/main/configs/recognition/tsn"
LICENCE = "No licence stated for the weights; published by mmaction2 (Apache-2.0), trained on Kinetics-400"
NAME_1 = "tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_kinetics400-rgb"

VERSION_0 = Published(
    name=PUBLISHED_NAME,
    url=f"{FOLDER}/recognition/tsn/tsn_r50_320p_1x1x3_100e_kinetics400_rgb/{PUBLISHED_NAME}",
    licence=LICENCE,
    source=PAGE,
    sha256="cc665e2a",
    megabytes=98,
)
VERSION_1 = Published(
    name=f"{NAME_1}_20220906-cd10898e.pth",
    url=f"{FOLDER}/v1.0/recognition/tsn/{NAME_1}/{NAME_1}_20220906-cd10898e.pth",
    licence=LICENCE,
    source=PAGE,
    sha256="cd10898e",
    megabytes=98,
)
FILES = (VERSION_0, VERSION_1)


def needs(config: TSNConfig) -> dict[str, Needed]:
    """Return the network's file."""
    return {"tsn": Needed(VERSION_0, config.checkpoint)}
