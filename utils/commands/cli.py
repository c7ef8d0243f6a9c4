"""The command line. Flags and their help come from the config dataclasses, so they cannot disagree."""

import argparse
import dataclasses
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NoReturn

from utils.config.run import RunConfig
from utils.config.schema import Config, aliases, build, field_names, nearest, read_yaml, value_type
from utils.errors import UserError
from utils.extractors.registry import Model

EXAMPLES = """\
examples:
  python main.py --feature_type i3d --video_paths a.mp4 b.mkv --on_extraction save_numpy --output_path out
  python main.py --feature_type i3d --device_ids 0 2 --file_with_video_paths list.txt --on_extraction save_numpy
"""
COMMANDS = """\
other commands:
  python main.py models                supported feature types: outputs, checkpoints, licences, what is downloaded
  python main.py weights fetch TYPE    download the checkpoints of a feature type ahead of time
  python main.py status OUTPUT         progress of the runs on an output folder, and causes of failures
"""


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Raise UserError instead of printing the usage."""
        raise UserError(f"{message}; see python main.py --help")


def add_flags(parser: argparse.ArgumentParser, cls: type, taken: Set[str] = frozenset(), prefix: str = "") -> set[str]:
    """Add a flag for each field of a config dataclass, in its groups; return their names. Defaults stay there.

    taken: fields whose flags another class has added already. prefix: "TYPE.", for flags that `--help` does not repeat.
    """
    groups: dict[str, Any] = {}
    specs = [spec for spec in dataclasses.fields(cls) if spec.name not in taken]
    for spec in specs:
        group = spec.metadata["group"]
        target = groups.setdefault(group, parser.add_argument_group(group))
        kind, many = value_type(cls, spec.name)
        names = [f"--{prefix}{name}" for name in (spec.name, *spec.metadata["aliases"])]
        shown = argparse.SUPPRESS if prefix else _help(spec)
        options: dict[str, Any] = {"dest": f"{prefix}{spec.name}", "default": argparse.SUPPRESS, "help": shown}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options |= {"type": kind, "metavar": _metavar(spec, kind)}
            if many:
                options["nargs"] = "+"
        target.add_argument(*names, **options)
    return {spec.name for spec in specs}


def _help(spec: dataclasses.Field) -> str:
    factory = spec.default_factory
    default = spec.default if isinstance(factory, dataclasses._MISSING_TYPE) else factory()
    if default in (None, [], ""):
        return spec.metadata["help"].replace("%", "%%")
    shown = " ".join(default) if isinstance(default, list) else default
    return f"{spec.metadata['help']} (default: {shown})".replace("%", "%%")


def _metavar(spec: dataclasses.Field, kind: type) -> str:
    if spec.metadata["choices"]:
        return "|".join(spec.metadata["choices"])
    return {int: "N", float: "X", str: "TEXT"}[kind]


def parse(arguments: Sequence[str], models: Mapping[str, Model]) -> tuple[RunConfig, dict[str, Config]]:
    """Return the run's settings and each feature type's, from defaults, the --config file and the flags, in that order.

    A flag goes to every feature type that has it and offers its value; "--TYPE.flag", and a mapping named TYPE in the
    file, to that one.

    Raises:
        UserError: something in it is wrong. SystemExit after --help.
    """
    first = Parser(add_help=False, allow_abbrev=False)
    first.add_argument("--feature_type", nargs="+")
    first.add_argument("--config")
    known, rest = first.parse_known_args(list(arguments))
    yaml = read_yaml(known.config) if known.config and not {"-h", "--help"} & set(rest) else {}
    in_file = yaml.pop("feature_type", None)
    feature_types = _feature_types(known.feature_type or in_file or [], models)
    parser = _parser(feature_types, models)
    flags, unknown = parser.parse_known_args(list(arguments))
    if not feature_types:
        raise UserError(f"--feature_type is missing; choose from {', '.join(models)}")
    if unknown:
        raise UserError(_unknown_flag(unknown[0], feature_types, models))
    origin = f"--config {known.config}"
    general, of_types = _split_file(origin, yaml, feature_types, models)
    given = {**vars(flags), "feature_type": feature_types}
    run = build(RunConfig, [(origin, general), ("command line", given)])
    classes = {name: models[name].config_class() for name in feature_types}
    return run, {
        name: build(
            cls,
            [
                (origin, _offered(general, cls, classes.values())),
                (f"{origin}, {name}", of_types.get(name, {})),
                ("command line", _offered(given, cls, classes.values())),
                ("command line", {key.partition(".")[2]: given[key] for key in given if key.startswith(f"{name}.")}),
            ],
        )
        for name, cls in classes.items()
    }


def _offered(values: Mapping[str, Any], cls: type, others: Iterable[type]) -> dict[str, Any]:
    """Leave out the choices that only other types of the run offer: --preset squash is for slowfast, not for vggish."""
    own = _choices(cls)
    return {
        key: value
        for key, value in values.items()
        if value in own.get(key, [value]) or not any(value in _choices(other).get(key, ()) for other in others)
    }


def _choices(cls: type) -> dict[str, tuple[str, ...]]:
    """Return the choices of the fields that have any."""
    found = {spec.name: spec.metadata["choices"] for spec in dataclasses.fields(cls)}
    return {name: choices for name, choices in found.items() if choices}


def _feature_types(given: Any, models: Mapping[str, Model]) -> list[str]:
    """Return the feature types asked for, each once. given: names, or whatever else the file holds."""
    names = list(dict.fromkeys(map(str, given if isinstance(given, list) else [given])))
    for name in names:
        if name not in list(models):
            raise UserError(f"--feature_type {name}: choose from {', '.join(models)}{nearest(name, models)}")
    return names


def _split_file(
    origin: str, yaml: dict[str, Any], feature_types: list[str], models: Mapping[str, Model]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the settings of a file that are for all, and those of single feature types, under their fields' names."""
    classes = [RunConfig, *(models[name].config_class() for name in feature_types)]
    names = {alias: key for cls in classes for alias, key in aliases(cls).items()}
    general, of_types = {}, {}
    for key, value in yaml.items():
        key = names.get(key, key)
        if isinstance(value, dict) and key in feature_types:
            cls = models[key].config_class()
            of_types[key] = {aliases(cls).get(name, name): one for name, one in value.items()}
            for name in of_types[key].keys() - field_names(cls):
                raise UserError(f"{origin}: {key}: {_unknown_key(name, [key], models)}")
        elif not any(key in field_names(cls) for cls in classes):
            raise UserError(f"{origin}: {_unknown_key(key, feature_types, models)}")
        else:
            general[key] = value
    return general, of_types


def parse_flags(arguments: Sequence[str], cls: type) -> Config:
    """Return a config dataclass made from its own flags alone.

    Raises:
        UserError: a flag is unknown or its value wrong.
    """
    parser = Parser(prog="main.py", allow_abbrev=False)
    add_flags(parser, cls)
    return build(cls, [("command line", vars(parser.parse_args(list(arguments))))])


def _parser(feature_types: list[str], models: Mapping[str, Model]) -> Parser:
    parser = Parser(
        prog="main.py",
        usage="python main.py --feature_type TYPE --video_paths FILE ... [flags]",
        description="Extract features from videos: one array per video and key.",
        epilog=f"{EXAMPLES}\n{COMMANDS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    taken = add_flags(parser, RunConfig)
    if not feature_types:
        # Two models may share a flag, so each gets a parser of its own, whose help alone is shown.
        parser.epilog = f"{_help_of_models(models)}\n{parser.epilog}"
    for name in feature_types:
        cls = models[name].config_class()
        taken |= add_flags(parser, cls, taken)
        if len(feature_types) > 1:
            add_flags(parser, cls, prefix=f"{name}.")
    return parser


def _help_of_models(models: Mapping[str, Model]) -> str:
    """Return the flags of every feature type, as they are shown without --feature_type."""
    texts = []
    for name, model in models.items():
        parser = argparse.ArgumentParser(prog="", usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
        add_flags(parser, model.config_class())
        outputs = ", ".join(f"{key} {shape}" for key, shape in model.outputs.items())
        title = f"with --feature_type {name}: {model.summary}; saves {outputs}"
        texts.append(f"{title}\n{parser.format_help().split(':', 1)[1].strip(chr(10))}\n")
    return "\n".join(texts)


def _unknown_flag(argument: str, feature_types: list[str], models: Mapping[str, Model]) -> str:
    if not argument.startswith("-"):
        return f"unexpected argument {argument!r}; see python main.py --help"
    key = argument.lstrip("-").split("=")[0]
    return f"--{_unknown_key(key, feature_types, models)}"


def _unknown_key(key: str, feature_types: list[str], models: Mapping[str, Model]) -> str:
    others = [name for name, model in models.items() if key in field_names(model.config_class())]
    if others:
        return f"{key} is not used by --feature_type {' '.join(feature_types)}, only by {', '.join(others)}"
    own = field_names(RunConfig).union(*(field_names(models[name].config_class()) for name in feature_types))
    return f"{key} is unknown{nearest(key, own)}"
