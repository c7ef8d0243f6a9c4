"""The published files of timm's models, which timm's own table names. Imports no torch."""

from functools import partial
from pathlib import Path

from models.timm.config import TimmConfig
from utils.errors import UserError
from utils.weights.hub import hub_file
from utils.weights.pretrained import LibraryCheckpoint, Needed, Published
from utils.weights.store import fetch

PAGE = "https://huggingface.co/timm"
LICENCE = "each model's own: see its card on the Hugging Face hub"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
FILES: tuple[Published, ...] = ()  # any of more than 1800


def needs(config: TimmConfig) -> dict[str, Needed]:
    """Return the file of the chosen model."""
    name = f"{config.model_name}.safetensors".replace("/", "_")
    weights = LibraryCheckpoint(name, LICENCE, PAGE, partial(_fetch, config.model_name, name))
    return {"timm": Needed(weights, config.checkpoint)}


def _fetch(model_name: str, local_name: str) -> Path:
    """Return the file in timm's table for a model, downloaded if needed.

    Raises:
        UserError: timm is not installed or has no such model or no weights for it, or they cannot be downloaded.
    """
    from models.timm.weights import pretrained_config

    found = pretrained_config(model_name)
    if found.hf_hub_id:
        names = (found.hf_hub_filename,) if found.hf_hub_filename else HUB_FILES
        return hub_file(found.hf_hub_id, names, local_name)
    if not found.url:
        raise UserError(f"--model_name {model_name}: timm has no weights for it; name a file with --checkpoint")
    return fetch(Published(found.url.rsplit("/", 1)[1], found.url, LICENCE, PAGE))
