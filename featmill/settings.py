"""Keyword arguments as the settings that the command line makes of flags."""

import dataclasses
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models import MODELS
from utils import errors
from utils.commands.cli import Layer, configure
from utils.commands.recipes import published, recipe_settings
from utils.config.recipe import read_recipe
from utils.config.run import RunConfig
from utils.config.schema import Config, aliases, build, did_you_mean, field_names, value_type
from utils.engines import devices
from utils.errors import UserError
from utils.run.prepare import Requested, Resources, prepare
from utils.worker.plan import Plan

# The flags of a run that decide features or how they are computed. The others are about lists, folders and processes.
RUN_FLAGS = (
    "frames_fps", "no_audio", "video_track", "audio_track", "max_pixels", "max_seconds", "max_bytes", "video_timeout",
    "dtype", "concat", "batch_size", "precision", "compile", "decode_threads", "weights", "weights_dir",
)  # fmt: skip
FOLDERS = tuple(str(Path(file).parent) + os.sep for file in (__file__, errors.__file__))  # of this program's code


def plan_of(feature_type: str, device: str, flags: Mapping[str, Any]) -> Plan:
    """Return the plan of one feature type on one device; checkpoints that are missing are downloaded.

    device: "auto" (the first GPU, else the CPU), "cpu", "mps", "cuda" or "cuda:N".

    Raises:
        UserError: no such feature type, flag, value or device, or a checkpoint cannot be downloaded.
    """
    run, requested, resources = _requested(feature_type, device, flags)
    devices.check_decode([requested.config], resources)
    plan = prepare(run, {feature_type: requested}, resources, run_id="")
    if warning := plan.features[0].stamp.warning:
        warn(warning)
    return plan


def check(feature_type: str, device: str, flags: Mapping[str, Any]) -> None:
    """Check arguments for an extractor on another machine, whose devices and checkpoints are not looked for.

    Raises:
        UserError: no such feature type or flag, or a value that none allows.
    """
    device_flags(device)
    _requested(feature_type, "cpu", flags)


def _requested(feature_type: str, device: str, flags: Mapping[str, Any]) -> tuple[RunConfig, Requested, Resources]:
    """Return the settings of a run on one device, those of the feature type, and the device."""
    run, given, resources = run_of(feature_type, device, flags)
    model = MODELS[feature_type]
    return run, Requested(model, build(model.config_class(), [("argument", given)])), resources


def warn(text: str) -> None:
    """Warn at the line, outside this program, from which it was called."""
    level, frame = 1, sys._getframe()  # pyright: ignore[reportPrivateUsage]  # warnings takes skip_file_prefixes from 3.12 on
    while frame is not None and frame.f_code.co_filename.startswith(FOLDERS):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


def run_of(feature_type: str, device: str, flags: Mapping[str, Any]) -> tuple[RunConfig, dict[str, Any], Resources]:
    """Return the settings of a run on one device, the flags of the feature type, and the device.

    Raises:
        UserError: no such feature type, flag or device, or a value that the run refuses.
    """
    if not isinstance(feature_type, str) or feature_type not in MODELS:
        hint = did_you_mean(str(feature_type), MODELS)
        raise UserError(f"no feature type {feature_type!r}{hint}; there are {', '.join(MODELS)}")
    config_class = MODELS[feature_type].config_class()
    named = {aliases(config_class).get(name, name): value for name, value in flags.items()}
    recipe, is_unlike = named.pop("recipe", None), named.pop("unlike_recipe", False)
    if recipe:
        named = _with_recipe(feature_type, config_class, named, recipe, is_unlike)
    elif is_unlike:
        raise UserError("--unlike_recipe is for --recipe: give that, or drop it")
    for name in named:
        _check_known(name, feature_type, config_class)
    run = build(RunConfig, [("argument", _plain(RunConfig, named)), ("device", device_flags(device))])
    resources, _ = devices.choose(run)
    resources = dataclasses.replace(resources, devices=resources.devices[:1])
    return devices.with_precision(run, resources), _plain(config_class, named), resources


def _with_recipe(
    feature_type: str, config_class: type[Config], wanted: Mapping[str, Any], name: Any, is_unlike: bool
) -> dict[str, Any]:
    """Return the flags, above those of a recipe; those about files are left out.

    Raises:
        UserError: there is no such recipe, or a flag breaks it.
    """
    recipe = read_recipe(os.fspath(name))
    below = Layer("recipe", *recipe_settings(recipe, [feature_type], MODELS))
    above = Layer("argument", _plain(RunConfig, wanted) | _plain(config_class, wanted) | {"unlike_recipe": is_unlike})
    published(recipe, configure([below], MODELS), configure([below, above], MODELS))
    known = {*RUN_FLAGS, *field_names(config_class)}
    if (align := recipe.flags.get("align", feature_type)) != feature_type:
        warn(f"--recipe {name} puts rows on the windows of {align}; a single type keeps its own")
    general = {key: value for key, value in below.general.items() if key in known}
    return {**general, **below.of_types.get(feature_type, {}), **wanted}


def _check_known(name: str, feature_type: str, config_class: type[Config]) -> None:
    """Raise UserError unless a flag is one that extraction in this process knows."""
    if name in RUN_FLAGS or name in field_names(config_class):
        return
    if name in field_names(RunConfig):
        raise UserError(f"{name} belongs to the command `featmill`, which reads lists and writes files; not to Python")
    known = (*RUN_FLAGS, *field_names(config_class))
    raise UserError(f"{feature_type} has no argument {name}{did_you_mean(name, known)}")


def _plain(cls: type[Config], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as the settings hold them: lists for tuples and single values, text for paths, no numpy scalars."""
    plain: dict[str, Any] = {}
    for name in flags.keys() & field_names(cls):
        value, many = flags[name], value_type(cls, name)[1]
        if many and value is not None:
            value = list(value) if isinstance(value, list | tuple | np.ndarray) else [value]
        plain[name] = [_own(each) for each in value] if isinstance(value, list) else _own(value)
    return plain


def _own(value: Any) -> Any:
    """Return a value of Python's own types; 0.1 of float32 becomes 0.1, the digits that it prints with."""
    if isinstance(value, np.generic):
        return float(str(value)) if isinstance(value, np.floating) else value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def device_flags(device: str) -> dict[str, Any]:
    """Return the flags that choose one device."""
    kind, _, index = device.partition(":")
    if kind == "auto":
        kind = "cuda" if devices.n_gpus() else "cpu"
    if kind == "cuda" and (not index or index.isdecimal()):
        return {"device": kind, "device_ids": [int(index or 0)]}
    if kind in ("cpu", "mps") and not index:
        return {"device": kind}
    raise UserError(f"device is {device!r}; it must be auto, cpu, mps, cuda or cuda:N")
