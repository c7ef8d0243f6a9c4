"""The published files of PANNs CNN14. Imports no torch."""

from models.panns.config import PANNsConfig
from utils.weights.pretrained import Needed, Published

LICENCE = "CC BY 4.0 as others quote it (the Zenodo record itself was not read; code: MIT)"
PAGE = "https://github.com/qiuqiangkong/audioset_tagging_cnn"
FOLDER = "https://zenodo.org/record/3987831/files"


def _published(name: str, sha256: str, megabytes: int) -> Published:
    url = f"{FOLDER}/{name.replace('=', '%3D')}?download=1"
    return Published(name, url, LICENCE, PAGE, sha256=sha256, megabytes=megabytes)


BY_MODEL = {
    "cnn14": _published("Cnn14_mAP=0.431.pth", "0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31", 327),
    "cnn14_16k": _published(
        "Cnn14_16k_mAP=0.438.pth", "e2ee543a27919542c2ea03eabaa70b24dcd4e6c8e05621de6b67a94e4c5058e6", 324
    ),
}
FILES = tuple(BY_MODEL.values())


def needs(config: PANNsConfig) -> dict[str, Needed]:
    """Return the file of the chosen network."""
    return {"panns": Needed(BY_MODEL[config.model_name], config.checkpoint)}
