"""The published files of InternVideo2. Imports no torch."""

from models.internvideo2.config import InternVideo2Config
from utils.weights.pretrained import Needed, Published

LICENCE = "tagged apache-2.0 on the hub; some files are given out after a form"
HUB = "https://huggingface.co/OpenGVLab"


def _published(name: str, repository: str, file: str, megabytes: int) -> Published:
    page = f"{HUB}/{repository}"
    return Published(name, f"{page}/resolve/main/{file}", LICENCE, page, megabytes=megabytes)


def _distilled(model_name: str, megabytes: int) -> Published:
    """Return a file of a distilled network. All are called pytorch_model.bin there, so it has another name here."""
    file = f"stage1/{model_name.split('_')[0]}/{model_name}/pytorch_model.bin"
    return _published(f"InternVideo2_{model_name}.bin", "InternVideo2_distillation_models", file, megabytes)


def _1b(repository: str, file: str, megabytes: int = 4085) -> Published:
    return _published(file, f"InternVideo2-Stage1-1B-224p-f8{repository}", file, megabytes)


BY_MODEL = {
    "B14_ft_k710_f8": _distilled("B14_ft_k710_f8", 360),
    "S14_ft_k710_f8": _distilled("S14_ft_k710_f8", 94),
    "L14_ft_k710_f8": _distilled("L14_ft_k710_f8", 1240),
    "1B_ft_k710_f8": _1b("-k710", "1B_ft_k710_f8.pth"),
    "1B_ft_k710_ft_k400_f8": _1b("-K400", "1B_ft_k710_ft_k400_f8.pth"),
    "1B_ft_k710_ft_k400_f16": _1b("-K400", "1B_ft_k710_ft_k400_f16.pth"),
    "1B_pretrain": _published("InternVideo2_1B_pretrain.pth", "InternVideo2-Stage1-1B-224p-f8", "pretrain.pth", 4315),
}
FILES = tuple(BY_MODEL.values())


def needs(config: InternVideo2Config) -> dict[str, Needed]:
    """Return the file of the chosen network."""
    return {"internvideo2": Needed(BY_MODEL[config.model_name], config.checkpoint)}
