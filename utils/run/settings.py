"""What decides the features of a run: settings and weights, and keeping outputs of different ones apart."""

import dataclasses
from pathlib import Path

from utils.config.run import RunConfig
from utils.config.schema import Config, output_settings
from utils.extractors.registry import Model
from utils.state.resume import Settings
from utils.weights.download_bar import DownloadBar
from utils.weights.store import locate, sha256_of

OF_RUN = ("precision", "max_seconds")  # what decides features among the settings that all types share
# The same, by media. Left out where they have the default: settings are compared by a hash, and older ones lack these.
OF_MEDIA = {"visual": {"video_track": None, "frames_fps": 25.0}, "audio": {"audio_track": None}}
OF_ROWS = tuple(spec.name for spec in dataclasses.fields(RunConfig) if spec.metadata["added_later"])


def find_checkpoints(config: RunConfig, model_config: Config, model: Model) -> dict[str, Path | None]:
    """Return the checkpoints that the configuration uses, downloaded where needed; None for random weights.

    Raises:
        UserError: a file is missing and cannot be downloaded.
    """
    found: dict[str, Path | None] = {}
    for name, need in model.needs(model_config).items():
        if config.weights == "random" and need.path is None and need.can_be_random:
            found[name] = None
            continue
        with DownloadBar(need.published.name) as report:
            found[name] = locate(need.published, need.path, config.weights_dir, report)
    return found


def settings_of(
    feature_type: str, run: RunConfig, model: Model, model_config: Config, checkpoints: dict[str, Path | None]
) -> Settings:
    """Return all that decides what the features are."""
    weights = {name: sha256_of(path) if path else "random" for name, path in checkpoints.items()}
    of_run = {name: getattr(run, name) for name in OF_RUN}
    of_media = {
        name: value
        for name, default in OF_MEDIA[model.media_of(model_config)].items()
        if (value := getattr(run, name)) != default
    }
    of_rows = {
        spec.name: value
        for spec in dataclasses.fields(run)
        if spec.name in OF_ROWS and (value := getattr(run, spec.name)) != spec.default
    }
    of_model = output_settings(model_config) | model.more_settings(model_config)
    return {"feature_type": feature_type, **of_run, **of_media, **of_rows, **of_model, "weights": weights}
