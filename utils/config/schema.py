"""Settings as typed dataclasses: one home for each flag's type, default, help and checks. Imports no torch."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from utils.errors import UserError

Config = Any  # an instance of a dataclass whose fields were made by flag()


def flag(
    default: Any,
    text: str,
    *,
    group: str,
    choices: Iterable[str] = (),
    aliases: Iterable[str] = (),
    shapes_output: bool = True,
    added_later: bool = False,
) -> Any:
    """Return a dataclass field that is also a command-line flag and a YAML key.

    text: the help, with the unit; the default is added to it.
    shapes_output: False for what cannot change a feature (paths, display), which resuming ignores.
    added_later: the default is what was done before there was such a flag, so resuming ignores it, too.
    """
    metadata = {
        "help": text,
        "group": group,
        "choices": tuple(choices),
        "aliases": tuple(aliases),
        "shapes_output": shapes_output,
        "added_later": added_later,
    }
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def check_choices(config: Config) -> None:
    """Raise UserError where a field holds a value outside its choices."""
    for spec in dataclasses.fields(config):
        choices = spec.metadata.get("choices")
        value = getattr(config, spec.name)
        given = value if isinstance(value, list) else [] if value is None else [value]
        wrong = [v for v in given if choices and v not in choices]
        if wrong:
            raise UserError(
                f"--{spec.name} is {wrong[0]!r}; choose from {', '.join(choices)}{nearest(wrong[0], choices)}"
            )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean …?)" for the known word closest to `word`, or an empty string."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def value_type(cls: type, name: str) -> tuple[type, bool]:
    """Return the plain type of a field and whether it holds a list: `list[str]` gives (str, True)."""
    hint = typing.get_type_hints(cls)[name]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    return hint, False


def field_names(cls: type) -> set[str]:
    """Return the flags that a config dataclass defines."""
    return {spec.name for spec in dataclasses.fields(cls)}


def aliases(cls: type) -> dict[str, str]:
    """Return the other spellings of flags, each with the field that it fills."""
    return {alias: spec.name for spec in dataclasses.fields(cls) for alias in spec.metadata["aliases"]}


def build(cls: type, layers: Iterable[tuple[str, Mapping[str, Any]]]) -> Config:
    """Return `cls` made from its defaults and the layers above them, later layers winning.

    layers: (where the values come from, values); keys that are no fields of `cls` are left to others.

    Raises:
        UserError: a value has the wrong type, or fails the dataclass's own checks.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    merged = OmegaConf.structured(cls)
    OmegaConf.set_readonly(merged, False)
    for origin, values in layers:
        for key in values.keys() & field_names(cls):
            try:
                merged = OmegaConf.merge(merged, {key: values[key]})
            except OmegaConfBaseException as error:
                kind, many = value_type(cls, key)
                wanted = f"a list of {kind.__name__}" if many else kind.__name__
                raise UserError(f"{origin}: {key} is {values[key]!r}; it must be {wanted}") from error
    return cls(**{spec.name: _plain(merged[spec.name]) for spec in dataclasses.fields(cls)})


def _plain(value: Any) -> Any:
    from omegaconf import ListConfig

    return list(value) if isinstance(value, ListConfig) else value


def read_yaml(path: str) -> dict[str, Any]:
    """Return the settings of a YAML file.

    Raises:
        UserError: the file is missing, is not YAML, or is not a mapping.
    """
    import yaml
    from omegaconf import OmegaConf

    if not Path(path).is_file():
        raise UserError(f"--config {path}: no such file")
    try:
        loaded = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError) as error:
        raise UserError(f"--config {path}: not readable as YAML ({error})") from error
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise UserError(f"--config {path}: must hold `flag: value` lines, found {type(loaded).__name__}")
    return loaded


def output_settings(config: Config) -> dict[str, Any]:
    """Return the settings that decide what the features are, for the manifest and for resuming."""
    return {
        spec.name: getattr(config, spec.name)
        for spec in dataclasses.fields(config)
        if spec.metadata.get("shapes_output", True)
        and not (spec.metadata.get("added_later") and getattr(config, spec.name) == spec.default)
    }
