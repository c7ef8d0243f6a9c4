"""The command line. Flags and their help come from the config dataclasses, so they cannot disagree."""

import argparse
import dataclasses
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from utils.commands.hints import COMMANDS, no_feature_type, unknown_flag, unknown_key, wrong_dash, wrong_feature_type
from utils.commands.parser import Parser, add_flags
from utils.config.run import RunConfig
from utils.config.schema import Config, aliases, build, field_names, is_text, read_yaml
from utils.errors import PROGRAM, UserError
from utils.extractors.registry import Model

EXAMPLES = f"""\
examples:
  {PROGRAM} --feature_type i3d --video_paths a.mp4 b.mkv --output_path out
  {PROGRAM} --feature_type i3d --device_ids 0 2 --file_with_video_paths list.txt --output_path out
"""


def parse(arguments: Sequence[str], models: Mapping[str, Model]) -> tuple[RunConfig, dict[str, Config]]:
    """Return the run's settings and each feature type's, from defaults, the --config file and the flags, in that order.

    A flag goes to every feature type that has it and offers its value; "--TYPE.flag", and in the file the same or a
    mapping named TYPE, to that one. Where an output path is given, saving is the default.

    Raises:
        UserError: something in it is wrong. SystemExit after --help.
    """
    for argument in arguments:
        if dash := wrong_dash(argument, models):
            raise UserError(dash)
    first = Parser(add_help=False)
    first.add_argument("--feature_type", nargs="+", action="extend")
    first.add_argument("--config")
    known, rest = first.parse_known_args(list(arguments))
    yaml = read_yaml(known.config) if known.config and not {"-h", "--help"} & set(rest) else {}
    in_file = yaml.pop("feature_type", None)
    feature_types = _feature_types(known.feature_type or in_file or [], models)
    flags, unknown = _parser(feature_types, models).parse_known_args(list(arguments))
    if not feature_types:
        raise UserError(no_feature_type([*unknown, *yaml], models))
    if unknown:
        raise UserError(unknown_flag(unknown[0], feature_types, models))
    origin = f"--config {known.config}"
    general, of_types = _split_file(origin, yaml, feature_types, models)
    given = {**vars(flags), "feature_type": feature_types}
    saves = {"on_extraction": "save_numpy"} if "output_path" in {**general, **given} else {}
    run = build(RunConfig, [("default", saves), (origin, general), ("command line", given)])
    classes = {name: models[name].config_class() for name in feature_types}
    return run, {
        name: build(
            cls,
            [
                (origin, _offered(general, cls, classes.values())),
                (f"{origin}, {name}", of_types.get(name, {})),
                *_from_flags(given, name, classes),
            ],
        )
        for name, cls in classes.items()
    }


def _from_flags(
    given: Mapping[str, Any], name: str, classes: Mapping[str, type[Config]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return what the flags say of one feature type: those without its name before, then "TYPE.flag"."""
    own = {key.partition(".")[2]: given[key] for key in given if key.startswith(f"{name}.")}
    return [("command line", _offered(given, classes[name], classes.values())), ("command line", own)]


def _offered(values: Mapping[str, Any], cls: type, others: Iterable[type]) -> dict[str, Any]:
    """Leave out the choices that only other types of the run offer: --preset squash is for slowfast, not for vggish."""
    return {
        key: value
        for key, value in values.items()
        if _offers(cls, key, value) is not False or not any(_offers(other, key, value) for other in others)
    }


def _offers(cls: type, key: str, value: Any) -> bool | None:
    """Return whether a value is among a flag's choices: --show_pred's are a file, or none. None: it has no choices."""
    spec = next((spec for spec in dataclasses.fields(cls) if spec.name == key), None)
    if spec is None:
        return None
    if spec.metadata["optional_value"]:
        return is_text(value) == (str in typing.get_args(typing.get_type_hints(cls)[key]))
    choices = spec.metadata["choices"]
    return value in choices if choices else None


def _feature_types(given: Any, models: Mapping[str, Model]) -> list[str]:
    """Return the feature types asked for, each once. given: names, or whatever else the file holds."""
    names = list(dict.fromkeys(map(str, given if isinstance(given, list) else [given])))
    for name in names:
        if name not in list(models):
            raise UserError(wrong_feature_type(name, models))
    return names


def _split_file(
    origin: str, yaml: dict[str, Any], feature_types: list[str], models: Mapping[str, Model]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the settings of a file that are for all, and those of single feature types, under their fields' names.

    Those of a single type are below its name, or have it before a dot, as on the command line: `i3d.streams: [rgb]`.
    """
    classes = [RunConfig, *(models[name].config_class() for name in feature_types)]
    names = {alias: key for cls in classes for alias, key in aliases(cls).items()}
    general: dict[str, Any] = {}
    of_types: dict[str, dict[str, Any]] = {}
    for key, value in yaml.items():
        name, dot, own = key.partition(".")
        if name in feature_types and (dot or isinstance(value, dict)):
            for flag, one in [(own, value)] if dot else value.items():
                _add(of_types.setdefault(name, {}), origin, name, str(flag), one, models)
            continue
        key = names.get(key, key)
        if not any(key in field_names(cls) for cls in classes):
            raise UserError(f"{origin}: {unknown_key(key, feature_types, models)}")
        if key in general:
            raise UserError(f"{origin}: {key} is given twice, under two names: drop one of them")
        general[key] = value
    return general, of_types


def _add(settings: dict[str, Any], origin: str, name: str, flag: str, value: Any, models: Mapping[str, Model]) -> None:
    """Add a setting of the feature type `name` to those that the file has given for it."""
    cls = models[name].config_class()
    flag = flag.replace("-", "_")
    key = aliases(cls).get(flag, flag)
    if key not in field_names(cls):
        raise UserError(f"{origin}: {name}: {unknown_key(key, [name], models)}")
    if key in settings:
        raise UserError(f"{origin}: {name}.{key} is given twice, below {name} and with a dot: drop one of them")
    settings[key] = value


def parse_flags(
    arguments: Sequence[str], feature_types: Sequence[str], models: Mapping[str, Model]
) -> dict[str, Config]:
    """Return the settings of each feature type, from its own flags alone.

    Raises:
        UserError: a flag is unknown or its value wrong.
    """
    parser = Parser(prog=PROGRAM)
    _add_model_flags(parser, feature_types, models, set())
    given, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        raise UserError(unknown_flag(unknown[0], feature_types, models))
    classes = {name: models[name].config_class() for name in feature_types}
    return {name: build(cls, _from_flags(vars(given), name, classes)) for name, cls in classes.items()}


def _parser(feature_types: list[str], models: Mapping[str, Model]) -> Parser:
    commands = "\n".join(f"  {PROGRAM} {f'{name} {what}':<24}{does}" for name, (what, does) in COMMANDS.items())
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} --feature_type TYPE --video_paths FILE ... [flags]",
        description="Extract features from videos: one array per video and key.",
        epilog=f"{EXAMPLES}\nother commands:\n{commands}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    taken = add_flags(parser, RunConfig)
    if not feature_types:
        # Two models may share a flag, so each gets its own parser, whose help alone is shown.
        parser.epilog = f"{_help_of_models(models)}\n{parser.epilog}"
    _add_model_flags(parser, feature_types, models, taken)
    return parser


def _add_model_flags(
    parser: Parser, feature_types: Sequence[str], models: Mapping[str, Model], taken: set[str]
) -> None:
    """Add each flag of the feature types once, and again with "TYPE." before it. taken: flags that are there."""
    for name in feature_types:
        cls = models[name].config_class()
        taken |= add_flags(parser, cls, taken)
        add_flags(parser, cls, prefix=f"{name}.")


def _help_of_models(models: Mapping[str, Model]) -> str:
    """Return the flags of every feature type, as they are shown without --feature_type."""
    texts: list[str] = []
    for name, model in models.items():
        parser = Parser(prog="", usage=argparse.SUPPRESS, add_help=False)
        add_flags(parser, model.config_class())
        outputs = ", ".join(f"{key} {shape}" for key, shape in model.outputs.items())
        title = f"with --feature_type {name}: {model.summary}; saves {outputs}"
        texts.append(f"{title}\n{parser.format_help().split(':', 1)[1].strip(chr(10))}\n")
    return "\n".join(texts)
