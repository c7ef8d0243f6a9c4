"""From the user's settings to a plan for the workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.extractors.registry import Model
from utils.run.row_flags import check_align, check_layout, check_names, check_rows
from utils.run.settings import find_checkpoints, settings_of
from utils.sinks.acav import acav_names
from utils.sinks.formats import FORMATS, check_dimensions
from utils.sinks.manifest_line import RunStamp
from utils.state.manifest import settings_hash
from utils.state.run_file import VERSION
from utils.worker.plan import FeaturePlan, Plan

RANDOM_WARNING = "--weights random: THE NETWORKS ARE FILLED WITH SEEDED NOISE, THE FEATURES MEAN NOTHING."


@dataclass(frozen=True)
class Requested:
    """One feature type as the command asks for it. checkpoints: those to use, None for what the settings say."""

    model: Model
    config: Config
    checkpoints: dict[str, Path | None] | None = None


@dataclass(frozen=True)
class Resources:
    """What workers run on: a device name for each, and the threads of each, for arithmetic and for decoding."""

    devices: tuple[str, ...]
    n_threads: int
    decode_threads: int


def prepare(run: RunConfig, requested: Mapping[str, Requested], resources: Resources, run_id: str) -> Plan:
    """Return the plan of a run; checkpoints that are missing are downloaded.

    requested: by feature type. run_id: names the run in manifest lines.

    Raises:
        UserError: the format has no room, or the template no names, for a model's outputs, or a checkpoint is missing
            and cannot be downloaded.
    """
    shapes = {feature_type: _shapes(one) for feature_type, one in requested.items()}
    FORMATS[run.on_extraction].check(run.output_path)
    for feature_type, outputs in shapes.items():
        check_dimensions(run.on_extraction, feature_type, outputs)
    check_names(run, shapes)
    check_layout(run, shapes)
    check_align(run, shapes)
    check_rows(run, {feature_type: one.config for feature_type, one in requested.items()})
    together = {} if run.align is None else {"aligned_types": list(requested) if run.concat else sorted(requested)}
    features = tuple(_feature(run, feature_type, one, run_id, together) for feature_type, one in requested.items())
    return Plan(run, features, resources.devices, resources.n_threads, resources.decode_threads)


def _shapes(one: Requested) -> Mapping[str, str]:
    """Return the shapes of a feature type's outputs as text, with the axis of --crop_type."""
    outputs = one.model.outputs_of(one.config)
    if getattr(one.config, "crop_type", None) is None:
        return outputs
    return {key: shape if "crops" in shape else shape.replace(", ", ", crops, ", 1) for key, shape in outputs.items()}


def _feature(run: RunConfig, feature_type: str, one: Requested, run_id: str, together: dict[str, Any]) -> FeaturePlan:
    checkpoints = find_checkpoints(run, one.config, one.model) if one.checkpoints is None else one.checkpoints
    media = one.model.media_of(one.config)
    settings = settings_of(feature_type, run, one.model, one.config, checkpoints) | together
    return FeaturePlan(
        feature_type=feature_type,
        extractor=one.model.extractor,
        config=one.config,
        checkpoints=checkpoints,
        settings=settings,
        output=f"{run.output_path.rstrip('/')}/{feature_type}",
        stamp=RunStamp(
            feature_type=feature_type,
            settings_hash=settings_hash(settings),
            weights=settings["weights"],
            on_extraction=run.on_extraction,
            run=run_id,
            version=VERSION,
            recipe=run.recipe or "",
            warning=RANDOM_WARNING if None in checkpoints.values() else "",
        ),
        acav=acav_names(feature_type, media),
        frames_folder=Path(run.tmp_path) / feature_type if run.keep_frames else None,
        wants_audio=media == "audio",
    )
