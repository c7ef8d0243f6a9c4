"""Settings as typed dataclasses: the type, default, help and bounds of each flag in one place. Imports no torch."""

import dataclasses
import difflib
import functools
import operator
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeGuard, TypeVar, cast

import yaml

from utils.config.bounded_yaml import MOST_BYTES, BoundedLoader, not_yaml
from utils.errors import UserError

COMPARISONS = {"at least": operator.ge, "above": operator.gt, "at most": operator.le, "below": operator.lt}
MEANT = 3  # words that a hint proposes at most
SCALARS = {  # type of a field → types of the values that are converted to it
    bool: (bool, int, str),
    int: (int, str),
    float: (float, int, str),
    str: (str, bool, int, float),
}
TRUTH = {"yes": True, "y": True, "on": True, "true": True, "no": False, "n": False, "off": False, "false": False}

NUMBER_FORMATS = ({"float32", "fp32", "float", "full", "single"}, {"float16", "fp16", "half"}, {"bfloat16", "bf16"})
LONGEST_VALUE = 500  # characters of a value in a message


@dataclass(frozen=True)
class Config:
    """Settings whose fields are made by flag(). The constructor checks each value.

    Raises:
        UserError: a value is not one of its flag's choices, or is out of its bounds.
    """

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            _check_all(spec.name, spec.metadata, getattr(self, spec.name))


ConfigT = TypeVar("ConfigT", bound=Config)


def flag(
    default: Any,
    text: str,
    *,
    group: str,
    choices: Iterable[str] = (),
    aliases: Iterable[str] = (),
    metavar: str = "N",
    shapes_output: bool = True,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    also: float | None = None,
    note: str = "",
    added_later: bool = False,
    optional_value: bool = False,
) -> Any:
    """Return a dataclass field that is also a command-line flag and a YAML key.

    text: the help, with the unit; the default is added to it. metavar: what the help calls a value: FILE, SECONDS, N.
    shapes_output: False for what cannot change a feature (paths, display), which resuming ignores.
    at_least, above, at_most, below: bounds of the values. also: one more value that is accepted.
    note: for the error about the bounds, or with optional_value the type, which ends with it: a unit, a reason.
    optional_value: of truth values, that the flag may be followed by one, or by text where the field is `bool | str`.
    added_later: the default is what was done before the flag existed, so resuming ignores it, too.
    """
    bounds = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    metadata = {
        "help": text,
        "group": group,
        "choices": tuple(choices),
        "aliases": tuple(aliases),
        "metavar": metavar,
        "shapes_output": shapes_output,
        "bounds": {words: bound for words, bound in bounds.items() if bound is not None},
        "also": also,
        "note": note,
        "added_later": added_later,
        "optional_value": optional_value,
    }
    if isinstance(default, list):
        values = cast(list[Any], default)
        return field(default_factory=lambda: list(values), metadata=metadata)
    return field(default=default, metadata=metadata)


def _check_all(name: str, metadata: Mapping[str, Any], value: Any) -> None:
    """Raise UserError for a value, or one of a list, that a flag refuses. metadata: of its field."""
    for each in cast(list[Any], value) if isinstance(value, list) else [value]:
        if each is not None:
            _check(name, metadata, each)


def _check(name: str, metadata: Mapping[str, Any], value: Any) -> None:
    choices, bounds = metadata["choices"], metadata["bounds"]
    if choices and value not in choices:
        raise UserError(f"--{name} is {value!r}; choose from {', '.join(choices)}{did_you_mean(value, choices)}")
    if value == metadata["also"]:
        return
    if not all(COMPARISONS[words](value, bound) for words, bound in bounds.items()):  # NaN is within no bounds
        wanted = " and ".join(f"{words} {bound}" for words, bound in bounds.items())
        raise UserError(f"--{name} is {value}; it must be {wanted} {metadata['note']}".rstrip())


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Return " (did you mean …?)" for the known word closest to `word`, or those it is a part of; else an empty string.

    Upper case and hyphens count as lower case and underscores. prefix: what is typed before the word.
    """
    plain, word = {each.lower().replace("-", "_"): each for each in known}, str(word).lower().replace("-", "_")
    close = [each for each in plain if any({word, each} <= names for names in NUMBER_FORMATS)]
    close = close or difflib.get_close_matches(word, list(plain), n=1)
    close = close or sorted(each for each in plain if word in each.split("_"))
    meant = " or ".join(f"{prefix}{plain[each]}" for each in close[:MEANT])
    return f" (did you mean {meant}?)" if meant else ""


@functools.cache  # a command asks a hundred times: it takes a tenth of a second
def _hints(cls: type) -> dict[str, Any]:
    """Return the types of all fields."""
    return typing.get_type_hints(cls)


def value_type(cls: type, name: str) -> tuple[type, bool]:
    """Return the type of a field's values, and whether it holds a list of them: `list[str]` gives (str, True)."""
    hint = _hints(cls)[name]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    return hint, False


def field_names(cls: type) -> set[str]:
    """Return the names of the flags that a config class defines."""
    return {spec.name for spec in dataclasses.fields(cls)}


def aliases(cls: type) -> dict[str, str]:
    """Return the other names of flags, each with the field that it fills."""
    return {alias: spec.name for spec in dataclasses.fields(cls) for alias in spec.metadata["aliases"]}


def build(cls: type[ConfigT], layers: Iterable[tuple[str, Mapping[str, Any]]]) -> ConfigT:
    """Return `cls` made from its defaults and the layers above them; later layers win.

    layers: (where the values come from, values); keys that are not fields of `cls` are ignored. Numbers and truth
        values may be text.

    Raises:
        UserError: a value has the wrong type, or `cls` refuses it.
    """
    given: dict[str, Any] = {}
    for origin, values in layers:
        for key in values.keys() & field_names(cls):
            given[key] = _typed(cls, key, values[key], origin)
    return cls(**given)


def value_of(cls: type[Config], key: str, value: Any, origin: str) -> Any:
    """Return a value as the field `key` of `cls` holds it. origin: where it comes from, for messages.

    Raises:
        UserError: it has the wrong type, or the flag refuses it.
    """
    own = _typed(cls, key, value, origin)
    _check_all(key, cls.__dataclass_fields__[key].metadata, own)
    return own


def _typed(cls: type[Config], key: str, value: Any, origin: str) -> Any:
    """Return a value converted to the type of a field. Raises UserError if it cannot be."""
    try:
        return _converted(cls, key, value)
    except (ValueError, OverflowError) as error:
        kind, many = value_type(cls, key)
        wanted = f"a list of {kind.__name__}" if many else kind.__name__
        metadata = cls.__dataclass_fields__[key].metadata
        wanted += f"; choose from {', '.join(metadata['choices'])}" if metadata["choices"] else ""
        wanted += f"; {metadata['note']}" if metadata["optional_value"] else ""
        raise UserError(f"{origin}: {key} is {repr(value)[:LONGEST_VALUE]}; it must be {wanted}") from error


def _converted(cls: type, name: str, value: Any) -> Any:
    """Return a value converted to the type of a field; ValueError or OverflowError if it cannot be."""
    kind, many = value_type(cls, name)
    others = typing.get_args(_hints(cls)[name])
    if value is None and type(None) in others:
        return None
    if kind is bool and str in others and is_text(value):
        return value
    if many:
        values = cast(list[Any], value) if isinstance(value, list) else [value]
        return [_scalar(each, kind) for each in values]
    return _scalar(value, kind)


def is_text(value: Any) -> bool:
    """Return whether a value of a `bool | str` is text, and no word for true or false."""
    return isinstance(value, str) and value.lower() not in TRUTH


def _scalar(value: Any, kind: type) -> Any:
    """Return a value converted to one of SCALARS; ValueError or OverflowError if it cannot be."""
    if type(value) not in SCALARS[kind]:
        raise ValueError(f"not {kind.__name__}")
    if kind is bool and isinstance(value, str):
        return TRUTH[value.lower()] if value.lower() in TRUTH else int(value) != 0
    return kind(value)


def read_yaml(path: str, origin: str) -> dict[str, Any]:
    """Return the settings of a YAML file, with underscores for hyphens in their names.

    origin: of the file, for messages.

    Raises:
        UserError: the file is missing, not YAML, or not a mapping, or has a setting twice.
    """
    if not Path(path).is_file():
        raise UserError(f"{origin}: no such file")
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes; a long list of videos belongs in --video_list")
        loaded: Any = yaml.load(content.decode(), _Loader)
    except (yaml.YAMLError, OSError, ValueError, ArithmeticError, LookupError) as error:
        raise UserError(f"{origin}: {not_yaml(error)}") from error
    if loaded is None:
        return {}
    if not _is_settings(loaded):
        raise UserError(f"{origin}: must hold `flag: value` lines, found {type(loaded).__name__}")
    plain = {key.replace("-", "_"): value for key, value in loaded.items()}
    if len(plain) < len(loaded):
        raise UserError(f"{origin}: a flag is given twice, with hyphens and with underscores: drop one of them")
    return plain


def _is_settings(loaded: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(loaded, dict) and all(isinstance(key, str) for key in cast(dict[Any, Any], loaded))


class _Loader(BoundedLoader):
    """YAML in which dates stay text."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def output_settings(config: Config) -> dict[str, Any]:
    """Return the settings that decide what the features are, for the manifest and for resuming."""
    return {
        spec.name: getattr(config, spec.name)
        for spec in dataclasses.fields(config)
        if spec.metadata.get("shapes_output", True)
        and not (spec.metadata.get("added_later") and getattr(config, spec.name) == spec.default)
    }
