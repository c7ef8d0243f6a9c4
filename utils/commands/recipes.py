"""`--recipe NAME`: its settings, what may be changed in them, and `recipes`, the command that lists and shows them."""

import contextlib
import dataclasses
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from utils.commands.parser import Parser
from utils.commands.settings_file import split_settings
from utils.config.recipe import Recipe, read_recipe, recipe_names
from utils.config.run import RunConfig
from utils.config.schema import Config, did_you_mean, field_names, value_of
from utils.errors import PROGRAM, UserError
from utils.extractors.registry import Model
from utils.run.settings import OF_MEDIA, OF_ROWS, OF_RUN

Configs = tuple[RunConfig, dict[str, Config]]
GUARDED_IF_NAMED = {"on_extraction", "shard_keys", "name_template", "save_times"}  # they change no feature
# Settings of a run that decide features: a recipe that does not name them means their defaults.
GUARDED = {*OF_RUN, *OF_ROWS, *(name for names in OF_MEDIA.values() for name in names)} - GUARDED_IF_NAMED
AS_GOOD = ("precision", "float32")  # at least as near to the original as any recipe's own precision


def recipe_settings(
    recipe: Recipe, feature_types: Sequence[str], models: Mapping[str, Model]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return a recipe's settings for all feature types, and those of single ones, as `split_settings` does.

    Raises:
        UserError: it does not know one of the feature types, or has a setting or a choice that none of them has.
    """
    _check_choices(recipe, models)
    known = {*recipe.feature_types, *(name for name, value in recipe.flags.items() if isinstance(value, dict))}
    for name in feature_types:
        if name not in known:
            raise UserError(f"--recipe {recipe.name} extracts {', '.join(sorted(known))}: drop --feature_type {name}")
    flags = {key: value for key, value in recipe.flags.items() if key != "feature_type"}
    general, of_types = split_settings(f"--recipe {recipe.name}", flags, [*(known & models.keys())], models)
    if len(feature_types) == 1:
        general.pop("align", None)  # nothing to align with
    wanted = {name: of_types[name] for name in feature_types if name in of_types}
    return general | {"feature_type": list(feature_types)}, wanted


def _check_choices(recipe: Recipe, models: Mapping[str, Model]) -> None:
    """Raise UserError for a choice of a flag that none of the recipe's feature types has, or of a value it refuses."""
    classes = {name: models[name].config_class() for name in models if name in {*recipe.feature_types, *recipe.flags}}
    known = {f"{name}.{flag}": [cls] for name, cls in classes.items() for flag in field_names(cls)}
    for cls in (RunConfig, *classes.values()):
        for flag in field_names(cls):
            known.setdefault(flag, []).append(cls)
    for key, values in recipe.choices.items():
        origin = f"--recipe {recipe.name}: choices"
        if key not in known:
            raise UserError(f"{origin}: {key} is no flag of {', '.join(classes)}{did_you_mean(key, known)}")
        for value in values:
            if not any(_accepted(cls, key, [value]) for cls in known[key]):
                raise UserError(f"{origin}: --{key} cannot be {_shown(value)}")


def _accepted(cls: type[Config], key: str, values: Iterable[Any]) -> list[Any]:
    """Return the values that a flag of `cls` accepts, as it holds them."""
    accepted: list[Any] = []
    for value in values:
        with contextlib.suppress(UserError):
            accepted.append(value_of(cls, key.rpartition(".")[2], value, "choices"))
    return accepted


def published(recipe: Recipe, own: Configs, wanted: Configs) -> Configs:
    """Return the wanted settings, their `recipe` as manifest lines are to record it.

    own: what the recipe says. wanted: with the --config file and the flags.

    Raises:
        UserError: a setting breaks the recipe, and --unlike_recipe is not given.
    """
    run, configs = wanted
    changes = list(_changes(recipe, own, wanted))
    if changes and not run.unlike_recipe:
        raise UserError(
            f"--recipe {recipe.name} sets {'; '.join(f'{flag} {its}, not {given}' for flag, its, given in changes)}: "
            "drop what changes that, or add --unlike_recipe, which the manifest records"
        )
    unlike = ", ".join(f"{flag} {given}, not {its}" for flag, its, given in changes)
    return dataclasses.replace(run, recipe=recipe.stamp + (unlike and f"; unlike it: {unlike}")), configs


def _changes(recipe: Recipe, own: Configs, wanted: Configs) -> Iterator[tuple[str, str, str]]:
    """Yield flag, recipe's value and given one of each setting that is not the recipe's, and not among its choices."""
    run_names = GUARDED | (GUARDED_IF_NAMED & recipe.flags.keys())
    for spec in dataclasses.fields(RunConfig):
        if spec.name in run_names:
            yield from _change(recipe, spec.name, own[0], wanted[0])
    for name, config in wanted[1].items():
        for spec in dataclasses.fields(config):
            if spec.metadata["shapes_output"]:
                yield from _change(recipe, spec.name, own[1][name], config, f"{name}.")


def _change(recipe: Recipe, key: str, own: Config, wanted: Config, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    ours, theirs = getattr(own, key), getattr(wanted, key)
    choices = [*recipe.choices.get(key, []), *recipe.choices.get(prefix + key, [])]
    if ours != theirs and (key, theirs) != AS_GOOD and theirs not in _accepted(type(own), key, choices):
        yield f"--{prefix}{key}", _shown(ours), _shown(theirs)


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def show_recipes(arguments: Sequence[str]) -> int:
    """Print the recipes, or all that is known of those that are named; return the exit code.

    Raises:
        UserError: there is no such recipe.
    """
    parser = Parser(prog=f"{PROGRAM} recipes", description="List the recipes, or show what is known of some.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a recipe, or the path of a .yaml file")
    names = parser.parse_args(list(arguments)).names
    for name in names:
        print(described(name))
    if not names:
        for name in recipe_names():
            print(f"{name:<20}{read_recipe(name).title}")
        print(f"\n{PROGRAM} recipes NAME shows one; {PROGRAM} --recipe NAME --video_paths FILE ... extracts it")
    return 0


def described(name: str) -> str:
    """Return all that a recipe's file says, for a terminal. name: as for --recipe."""
    recipe = read_recipe(name, "recipes")
    lines = [f"{recipe.name}: {recipe.title}", ""]
    lines += [f"  {PROGRAM} --recipe {shlex.quote(name)} --video_paths FILE ... --output_path DIR", ""]
    lines += ["settings:", *(f"  {line}" for line in settings_lines(recipe))]
    parts = {
        "source": recipe.source,
        "what comes out": recipe.outputs,
        "settled": recipe.settled,
        "not settled": recipe.not_settled,
        "measured": recipe.measured,
        "who reads it": recipe.readers,
    }
    for title, items in parts.items():
        lines += [f"{title}:", *(f"  - {item}" for item in items)] if items else []
    return "\n".join(lines)


def settings_lines(recipe: Recipe) -> Iterator[str]:
    """Yield what a recipe sets, a flag a line as it is typed, and what may be given besides."""
    for key, value in recipe.flags.items():
        own = {f"{key}.{name}": each for name, each in value.items()} if isinstance(value, dict) else {key: value}
        yield from (_typed(name, each) for name, each in own.items())
    for key, values in recipe.choices.items():
        yield f"--{key} may be {', '.join(map(_shown, values))}"


def _typed(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    values: list[Any] = value if isinstance(value, list) else [value]
    return f"--{name} {shlex.join(map(str, values))}"
