"""The command line. Flags and their help come from the config dataclasses, so they cannot disagree."""

import argparse
import dataclasses
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from utils.commands.hints import COMMANDS, no_feature_type, unknown_flag, wrong_dash, wrong_feature_type
from utils.commands.parser import Parser, add_flags
from utils.commands.recipes import published, recipe_settings
from utils.commands.settings_file import split_settings
from utils.config.recipe import read_recipe
from utils.config.run import RunConfig
from utils.config.schema import Config, build, is_text, read_yaml
from utils.errors import PROGRAM, UserError
from utils.extractors.registry import Model

EXAMPLES = f"""\
examples:
  {PROGRAM} --feature_type i3d --video_paths a.mp4 b.mkv --output_path out
  {PROGRAM} --feature_type i3d --device_ids 0 2 --file_with_video_paths list.txt --output_path out
"""


@dataclass(frozen=True)
class Layer:
    """Settings from one place; those of later layers win.

    origin: of the settings, for messages. general: for all feature types. of_types: for single ones, by name.
    """

    origin: str
    general: Mapping[str, Any]
    of_types: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


def parse(arguments: Sequence[str], models: Mapping[str, Model]) -> tuple[RunConfig, dict[str, Config]]:
    """Return the run's settings and each feature type's.

    They come from defaults, the --recipe, the --config file and the flags, in that order. A flag goes to every feature
    type that has it and offers its value; "--TYPE.flag", and in the file the same or a mapping named TYPE, to that one.
    Where an output path is given, saving is the default.

    Raises:
        UserError: something in it is wrong. SystemExit after --help.
    """
    for argument in arguments:
        if dash := wrong_dash(argument, models):
            raise UserError(dash)
    first = Parser(add_help=False)
    first.add_argument("--feature_type", nargs="+", action="extend")
    first.add_argument("--config")
    first.add_argument("--recipe")
    known, rest = first.parse_known_args(list(arguments))
    shows_help = bool({"-h", "--help"} & set(rest))
    origin = f"--config {known.config}"
    yaml = read_yaml(known.config, origin) if known.config and not shows_help else {}
    in_file = yaml.pop("feature_type", None)
    named = known.recipe or yaml.pop("recipe", None)
    recipe = read_recipe(str(named)) if named and not shows_help else None
    wanted = known.feature_type or in_file or (recipe.feature_types if recipe else [])
    feature_types = _feature_types(wanted, models)
    flags, unknown = _parser(feature_types, models).parse_known_args(list(arguments))
    if not feature_types:
        raise UserError(no_feature_type([*unknown, *yaml], models))
    if unknown:
        raise UserError(unknown_flag(unknown[0], feature_types, models))
    given = {**vars(flags), "feature_type": feature_types}
    file = Layer(origin, *split_settings(origin, yaml, feature_types, models))
    layers = [file, _layer_of_flags(given, feature_types)]
    if recipe is None:
        run, configs = configure(layers, models)
        if run.unlike_recipe:
            raise UserError("--unlike_recipe is for --recipe: give that, or drop it")
        return run, configs
    layers = [Layer(f"--recipe {named}", *recipe_settings(recipe, feature_types, models)), *layers]
    return published(recipe, configure(layers[:1], models), configure(layers, models))


def configure(layers: Sequence[Layer], models: Mapping[str, Model]) -> tuple[RunConfig, dict[str, Config]]:
    """Return the run's settings and those of each of its feature types; later layers win."""
    saves = any("output_path" in layer.general for layer in layers)
    general = [(layer.origin, layer.general) for layer in layers]
    run = build(RunConfig, [("default", {"on_extraction": "save_numpy"} if saves else {}), *general])
    classes = {name: models[name].config_class() for name in run.feature_type}

    def of_type(name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for layer in layers:
            yield layer.origin, _offered(layer.general, classes[name], classes.values())
            yield f"{layer.origin}, {name}", layer.of_types.get(name, {})

    return run, {name: build(cls, of_type(name)) for name, cls in classes.items()}


def _layer_of_flags(given: Mapping[str, Any], feature_types: Iterable[str]) -> Layer:
    """Return what the flags say: those without a feature type's name before them, and "TYPE.flag"."""
    general = {key: value for key, value in given.items() if "." not in key}
    own = {
        name: {key.partition(".")[2]: given[key] for key in given if key.startswith(f"{name}.")}
        for name in feature_types
    }
    return Layer("command line", general, own)


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
    general = {"feature_type": list(feature_types)}
    layer = _layer_of_flags(vars(given) | general, feature_types)
    return configure([layer], models)[1]


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
