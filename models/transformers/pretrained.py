"""The files of a model of transformers: in the user's folder, or in the Hugging Face hub's cache. Imports no torch."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from models.transformers.config import TransformersConfig, keys_of
from models.transformers.families import AUDIO_TOWERS, FAMILIES, Family, family_of, read_settings
from utils.errors import UserError
from utils.weights.hub import HUB, hub_folder
from utils.weights.pretrained import LibraryCheckpoint, Needed, Published

LICENCE = "each model's own: see its card on the Hugging Face hub"
DESCRIPTION = ("*.json",)
TOKENIZER = ("*.model", "*.txt")  # where there is no tokenizer.json
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")  # the first that a repository has
FILES: tuple[Published, ...] = ()  # any of the hub's


def needs(config: TransformersConfig) -> dict[str, Needed]:
    """Return the weights; and the configurations of model and processor, which `--weights random` uses, too."""
    stem = config.model_name.strip("/").replace("/", "--")
    page = f"{HUB}/{config.repository[0]}"
    return {
        "transformers": Needed(LibraryCheckpoint(f"{stem}.weights", LICENCE, page, partial(_weights, config))),
        "config": Needed(
            LibraryCheckpoint(f"{stem}.config", LICENCE, page, partial(_described, config)), can_be_random=False
        ),
        "processor": Needed(
            LibraryCheckpoint(f"{stem}.processor", LICENCE, page, partial(_processor, config)), can_be_random=False
        ),
    }


def media(config: TransformersConfig) -> str:
    """Return whether the model takes pictures, "visual", or sound, "audio"."""
    return "audio" if family(config)[1].input_kind == "audio" else "visual"


def outputs(config: TransformersConfig) -> dict[str, str]:
    """Return the shape of each array."""
    shape = {"spatial": "[windows, h, w, D]", "tokens": "[windows, tokens, D]", "none": "[windows, tokens, D]"}
    return dict.fromkeys(keys_of(config), shape.get(config.pool or "", "[windows, D]"))


def settings(config: TransformersConfig) -> dict[str, Any]:
    """Return the commit of the repository, for the record; None of a folder."""
    folder = model_folder(config)
    return {"revision": folder.name if folder.parent.name == "snapshots" else None}


def no_text(config: TransformersConfig) -> str:
    """Return why there is no text tower for the features of a configuration; "" if there is one."""
    kind = family(config)[1]
    if kind.text is None:
        joint = ", ".join(name for name, each in FAMILIES.items() if each.text is not None)
        return f"{config.model_name} has no text tower; models of {joint} have one"
    if config.pool or config.layer:
        return "features of --pool or --layer are not in the space shared with text; those of --projected are"
    return ""


def flags_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags that give recorded settings: of a repository, those of its commit."""
    name = str(settings["model_name"])
    return {**settings, "model_name": name.partition("@")[0] if settings.get("revision") else name}


def fetch_tokenizer(folder: Path, config: TransformersConfig) -> None:
    """Download what a model's tokenizer lacks in its folder, if that is the hub's."""
    if folder.parent.name == "snapshots" and not (folder / "tokenizer.json").is_file():
        hub_folder(config.repository[0], folder.name, (*TOKENIZER, *DESCRIPTION))


def family(config: TransformersConfig) -> tuple[str, Family]:
    """Return the family of the model, with its name in the library; of one with two towers, that of --stream.

    Raises:
        UserError: it is not supported, or there is no such model, or --stream does not fit it.
    """
    name, found = family_of(read_settings(model_folder(config)), config.model_name)
    if name not in AUDIO_TOWERS and config.stream:
        raise UserError(f"--stream: {config.model_name} has one tower; drop the flag")
    if name in AUDIO_TOWERS and not config.stream:
        raise UserError(
            f"--stream is missing: {config.model_name} has a tower for pictures and one for sound; "
            "choose --stream video or --stream audio"
        )
    return name, AUDIO_TOWERS[name] if config.stream == "audio" else found


def model_folder(config: TransformersConfig) -> Path:
    """Return the folder with config.json: the user's, or the hub's, downloaded if it is not in the client's cache.

    Raises:
        UserError: there is no such folder or repository, or the hub does not send it.
    """
    folder = Path(config.model_name).expanduser()
    if folder.is_dir():
        return folder
    if len(Path(config.repository[0]).parts) > 2 or folder.is_absolute():
        raise UserError(f"--model_name {config.model_name}: no such folder, and not the name of a repository")
    cached = hub_folder(*config.repository, DESCRIPTION, cached=True)
    if cached is not None and (cached / "config.json").is_file():
        return cached
    found = hub_folder(*config.repository, DESCRIPTION)
    assert found is not None  # only of a cache
    return found


def weight_files(folder: Path) -> list[Path]:
    """Return the files with the weights, safetensors preferred: one, or an index and its parts; [] if incomplete.

    Raises:
        UserError: the index is damaged.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file() and all(part.is_file() for part in _parts(index)):
            return [index, *_parts(index)]
    return []


def _parts(index: Path) -> list[Path]:
    """Return the files that an index of weights names.

    Raises:
        UserError: the index is damaged.
    """
    try:
        names = set(json.loads(index.read_text())["weight_map"].values())
        return sorted(index.parent / Path(name).name for name in names)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{index}: not an index of weights ({error}); download it again") from error


def _lack(folder: Path) -> str:
    """Return what of the weights a folder lacks, as a clause."""
    for index in sorted(folder.glob("*.index.json")):
        lost = [part.name for part in _parts(index) if not part.is_file()]
        return f"lacks {', '.join(lost)}, which {index.name} names; get them from where you got the others"
    return "has no model.safetensors and no pytorch_model.bin"


def _weights(config: TransformersConfig) -> Path:
    """Return the file with the weights or their index, downloaded if needed."""
    folder = model_folder(config)
    files = weight_files(folder)
    if folder.parent.name == "snapshots":
        for pattern in WEIGHTS:
            if not files:
                hub_folder(config.repository[0], folder.name, (pattern, *DESCRIPTION))
                files = weight_files(folder)
    if not files:
        raise UserError(f"--model_name {config.model_name}: {folder} {_lack(folder)}")
    return files[0]


def _described(config: TransformersConfig) -> Path:
    return model_folder(config) / "config.json"


def _processor(config: TransformersConfig) -> Path:
    """Return the file that says how inputs are prepared."""
    folder = model_folder(config)
    of_video = ("video_preprocessor_config.json",) if media(config) == "visual" else ()
    for name in ("processor_config.json", *of_video, "preprocessor_config.json"):
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"--model_name {config.model_name}: {folder} has no preprocessor_config.json")
