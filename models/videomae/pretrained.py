"""The published files of VideoMAE V2. Imports no torch."""

from models.videomae.config import VideoMAEConfig
from utils.weights.pretrained import Needed, Published

LICENCE = (
    "tagged apache-2.0 and cc-by-nc-4.0: the first on the hub repository of these files, the second on those of the "
    "same models under other names (VideoMAEv2-Base, -giant); code: MIT"
)
PAGE = "https://huggingface.co/OpenGVLab/VideoMAE2"


def _published(file: str, megabytes: int) -> Published:
    name = file.rpartition("/")[2]
    return Published(name, f"{PAGE}/resolve/main/{file}", LICENCE, PAGE, megabytes=megabytes)


BY_MODEL = {
    "vit_base_patch16_224": _published("distill/vit_b_k710_dl_from_giant.pth", 347),
    "vit_small_patch16_224": _published("distill/vit_s_k710_dl_from_giant.pth", 89),
    "vit_giant_patch14_224": _published("mae-g/vit_g_hybrid_pt_1200e_k710_ft.pth", 4050),
}
FILES = tuple(BY_MODEL.values())


def needs(config: VideoMAEConfig) -> dict[str, Needed]:
    """Return the file of the chosen network."""
    return {"videomae": Needed(BY_MODEL[config.model_name], config.checkpoint)}
