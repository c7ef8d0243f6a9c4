"""Keyword arguments as the settings that the command line makes of flags."""

import dataclasses
import os
import warnings
from collections.abc import Mapping
from typing import Any

from models import MODELS
from utils.commands.cli import Layer, configure
from utils.commands.recipes import published, recipe_settings
from utils.config.recipe import read_recipe
from utils.config.run import RunConfig
from utils.config.schema import Config, aliases, build, did_you_mean, field_names, value_type
from utils.engines import devices
from utils.errors import UserError
from utils.run.prepare import RANDOM_WARNING, Requested, Resources, prepare
from utils.worker.plan import Plan

# The flags of a run that decide features or how they are computed. The others are about lists, folders and processes.
RUN_FLAGS = (
    "frames_fps", "no_audio", "video_track", "audio_track", "max_pixels", "max_seconds", "max_bytes", "video_timeout",
    "dtype", "concat", "batch_size", "precision", "compile", "decode_threads", "weights", "weights_dir",
)  # fmt: skip


def plan_of(feature_type: str, device: str, flags: Mapping[str, Any]) -> Plan:
    """Return the plan of one feature type on one device; checkpoints that are missing are downloaded.

    device: "auto" (the first GPU, else the CPU), "cpu", "mps", "cuda" or "cuda:N".

    Raises:
        UserError: no such feature type, flag, value or device, or a checkpoint cannot be downloaded.
    """
    run, given, resources = run_of(feature_type, device, flags)
    model = MODELS[feature_type]
    config = build(model.config_class(), [("argument", given)])
    devices.check_decode([config], resources)
    return prepare(run, {feature_type: Requested(model, config)}, resources, run_id="")


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
    if named.get("recipe"):
        named = _with_recipe(feature_type, config_class, named)
    for name in named:
        _check_known(name, feature_type, config_class)
    run = build(RunConfig, [("argument", _plain(RunConfig, named)), ("device", device_flags(device))])
    if run.weights == "random":
        warnings.warn(RANDOM_WARNING, stacklevel=4)
    resources, _ = devices.choose(run)
    resources = dataclasses.replace(resources, devices=resources.devices[:1])
    return devices.with_precision(run, resources), _plain(config_class, named), resources


def _with_recipe(feature_type: str, config_class: type[Config], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags, above those of the recipe that they name; those about files are left out.

    Raises:
        UserError: there is no such recipe, or a flag breaks it.
    """
    wanted = {name: value for name, value in flags.items() if name not in ("recipe", "unlike_recipe")}
    recipe = read_recipe(os.fspath(flags["recipe"]))
    below = Layer("recipe", *recipe_settings(recipe, [feature_type], MODELS))
    above = Layer("argument", _plain(RunConfig, flags) | _plain(config_class, wanted))
    published(recipe, configure([below], MODELS), configure([below, above], MODELS))
    known = {*RUN_FLAGS, *field_names(config_class)}
    general = {name: value for name, value in below.general.items() if name in known}
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
    """Return values as the settings hold them: lists for tuples and single values, text for paths."""
    plain: dict[str, Any] = {}
    for name in flags.keys() & field_names(cls):
        value, many = flags[name], value_type(cls, name)[1]
        if many and value is not None:
            value = list(value) if isinstance(value, list | tuple) else [value]
        plain[name] = os.fspath(value) if isinstance(value, os.PathLike) else value
    return plain


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
