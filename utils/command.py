"""The command line: flags made from the config dataclasses, so that a flag and its help cannot disagree."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from utils.config import Config, RunConfig, aliases, build, field_names, nearest, read_yaml, value_type
from utils.errors import UserError
from utils.registry import Model

EXAMPLES = """\
examples:
  python main.py --feature_type i3d --video_paths a.mp4 b.mkv --on_extraction save_numpy --output_path out
  python main.py --feature_type i3d --device_ids 0 2 --file_with_video_paths list.txt --on_extraction save_numpy
"""
COMMANDS = """\
other commands:
  python main.py models                what is supported: outputs, checkpoints, licences, downloaded or not
  python main.py weights fetch TYPE    download the checkpoints of a feature type ahead of time
"""


class Parser(argparse.ArgumentParser):
    """argparse whose errors are ours: one line, the nearest flag named, exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Raise UserError instead of printing the usage."""
        raise UserError(f"{message}; see python main.py --help")


def add_flags(parser: argparse.ArgumentParser, cls: type) -> None:
    """Add a flag for each field of a config dataclass, in its groups. Defaults stay with the dataclass."""
    groups: dict[str, Any] = {}
    for spec in dataclasses.fields(cls):
        group = spec.metadata["group"]
        target = groups.setdefault(group, parser.add_argument_group(group))
        kind, many = value_type(cls, spec.name)
        names = [f"--{name}" for name in (spec.name, *spec.metadata["aliases"])]
        options: dict[str, Any] = {"dest": spec.name, "default": argparse.SUPPRESS, "help": _help(spec)}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options |= {"type": kind, "metavar": _metavar(spec, kind)}
            if many:
                options["nargs"] = "+"
        target.add_argument(*names, **options)


def _help(spec: dataclasses.Field) -> str:
    default = spec.default_factory() if spec.default is dataclasses.MISSING else spec.default
    if default in (None, [], ""):
        return spec.metadata["help"].replace("%", "%%")
    shown = " ".join(default) if isinstance(default, list) else default
    return f"{spec.metadata['help']} (default: {shown})".replace("%", "%%")


def _metavar(spec: dataclasses.Field, kind: type) -> str:
    if spec.metadata["choices"]:
        return "|".join(spec.metadata["choices"])
    return {int: "N", float: "X", str: "TEXT"}[kind]


def parse(arguments: Sequence[str], models: Mapping[str, Model]) -> tuple[RunConfig, Config]:
    """Return the run's settings and the model's, from defaults, the --config file and the flags, in that order.

    Raises:
        UserError: something in it is wrong. SystemExit after --help.
    """
    first = Parser(add_help=False, allow_abbrev=False)
    first.add_argument("--feature_type")
    first.add_argument("--config")
    known, rest = first.parse_known_args(list(arguments))
    yaml = read_yaml(known.config) if known.config and not {"-h", "--help"} & set(rest) else {}
    feature_type = known.feature_type or yaml.get("feature_type")
    parser = _parser(feature_type, models)
    flags, unknown = parser.parse_known_args(list(arguments))
    if feature_type is None:
        raise UserError(f"--feature_type is missing; choose from {', '.join(models)}")
    model_class = models[feature_type].config_class()
    if unknown:
        raise UserError(_unknown_flag(unknown[0], feature_type, models))
    own = field_names(RunConfig) | field_names(model_class)
    names = aliases(RunConfig) | aliases(model_class)
    yaml = {names.get(key, key): value for key, value in yaml.items()}
    for key in yaml:
        if key not in own:
            raise UserError(f"--config {known.config}: {_unknown_key(key, feature_type, models)}")
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (f"--config {known.config}", yaml),
        ("command line", vars(flags)),
    ]
    return build(RunConfig, layers), build(model_class, layers)


def parse_flags(arguments: Sequence[str], cls: type) -> Config:
    """Return a config dataclass made from its own flags alone.

    Raises:
        UserError: a flag is unknown or its value wrong.
    """
    parser = Parser(prog="main.py", allow_abbrev=False)
    add_flags(parser, cls)
    return build(cls, [("command line", vars(parser.parse_args(list(arguments))))])


def _parser(feature_type: str | None, models: Mapping[str, Model]) -> Parser:
    parser = Parser(
        prog="main.py",
        usage="python main.py --feature_type TYPE --video_paths FILE ... [flags]",
        description="Extract features from videos: one array per video and key.",
        epilog=f"{EXAMPLES}\n{COMMANDS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_flags(parser, RunConfig)
    if feature_type is not None and feature_type not in list(models):
        raise UserError(
            f"--feature_type {feature_type}: choose from {', '.join(models)}{nearest(feature_type, models)}"
        )
    if feature_type is None:
        # Two models may share a flag, so each gets a parser of its own, whose help alone is shown.
        parser.epilog = f"{_help_of_models(models)}\n{parser.epilog}"
    else:
        add_flags(parser, models[feature_type].config_class())
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


def _unknown_flag(argument: str, feature_type: str, models: Mapping[str, Model]) -> str:
    if not argument.startswith("-"):
        return f"{argument!r} belongs to no flag; see python main.py --help"
    key = argument.lstrip("-").split("=")[0]
    return f"--{_unknown_key(key, feature_type, models)}"


def _unknown_key(key: str, feature_type: str, models: Mapping[str, Model]) -> str:
    others = [name for name, model in models.items() if key in field_names(model.config_class())]
    if others:
        return f"{key} is not used by --feature_type {feature_type}, only by {', '.join(others)}"
    own = field_names(RunConfig) | field_names(models[feature_type].config_class())
    return f"{key} is unknown{nearest(key, own)}"
