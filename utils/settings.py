"""What decides the features of a run: settings and weights, and keeping outputs of different ones apart."""

import json
from pathlib import Path
from typing import Any

from utils import manifest
from utils.config import Config, RunConfig, output_settings
from utils.download_bar import DownloadBar
from utils.errors import UserError
from utils.folders import Folder
from utils.registry import Model
from utils.weights import locate, sha256_of

Settings = dict[str, Any]
OF_RUN = ("precision", "max_seconds")  # what decides features among the settings that all types share


def find_checkpoints(config: RunConfig, model_config: Config, model: Model) -> dict[str, Path | None]:
    """Return the checkpoints that the configuration uses, downloaded where needed; None for random weights.

    Raises:
        UserError: a file is missing and cannot be downloaded.
    """
    found: dict[str, Path | None] = {}
    for name, need in model.needs(model_config).items():
        if config.weights == "random" and need.named is None and need.can_be_random:
            found[name] = None
            continue
        with DownloadBar(need.published.name) as report:
            found[name] = locate(need.published, need.named, config.weights_dir, report)
    return found


def settings_of(
    feature_type: str, run: RunConfig, model_config: Config, checkpoints: dict[str, Path | None]
) -> Settings:
    """Return all that decides what the features are."""
    weights = {name: sha256_of(path) if path else "random" for name, path in checkpoints.items()}
    of_run = {name: getattr(run, name) for name in OF_RUN}
    return {"feature_type": feature_type, **of_run, **output_settings(model_config), "weights": weights}


def refuse_mixing(folder: Folder, latest: manifest.Latest, settings: Settings) -> None:
    """Raise UserError if the folder holds outputs of other settings, naming the difference."""
    own = manifest.settings_hash(settings)
    if not latest.hashes - {own}:
        return
    others = {line["settings_hash"] for line in latest if line["status"] in manifest.GIVEN} - {own}
    if not others:
        return
    other = sorted(others)[0]
    known = _settings_of_run(folder, other)
    differences = [
        f"{key}: {known.get(key)} there, {value} now" for key, value in settings.items() if known.get(key) != value
    ]
    raise UserError(
        f"{folder} holds features made with other settings "
        f"({'; '.join(differences) if known else 'see its manifest'}): "
        "choose another --output_path, or extract all again with --overwrite"
    )


def _settings_of_run(folder: Folder, wanted: str) -> Settings:
    """Return the settings with that hash, as a run file has them; empty where none does."""
    for name in folder.names("run-"):
        try:
            with folder.open(name) as file:
                run = json.load(file)
            if run["settings_hash"] == wanted:
                return run["settings"]
        except (ValueError, KeyError, TypeError, OSError):
            continue  # an unreadable run file only makes the message shorter
    return {}
