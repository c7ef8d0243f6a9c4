"""Recipes: published feature sets as settings, with where they come from. One YAML file each, in `recipes/`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from utils.config.schema import did_you_mean, read_yaml
from utils.errors import UserError

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "recipes", ROOT / "_recipes")  # in a checkout, in the wheel
SUFFIXES = (".yaml", ".yml")
# key of the file → what it must be; all but `flags` are for readers
PARTS: dict[str, type] = {
    "title": str,
    "source": list,
    "flags": dict,
    "choices": dict,
    "outputs": list,
    "settled": list,
    "not_settled": list,
    "measured": list,
    "readers": list,
}
OF_A_COMMAND = {"config", "recipe", "unlike_recipe"}
IN_WORDS = {str: "text", list: "list", dict: "mapping"}


@dataclass(frozen=True)
class Recipe:
    """One published feature set.

    name: of the file, without its suffix. digest: the first digits of the file's SHA-256.
    title: what it is, in a line. source: what says so: repository, file, commit.
    flags: settings, as in a --config file; those of one feature type are below its name.
    choices: flags whose value is left open, "flag" or "TYPE.flag", with the published values.
    outputs: a line per kind of file: name, shape, dtype. settled, not_settled: what is known of the published set, and
    what is not. measured: how near the original code's features are, on which clips.
    readers: who reads the files, and how.
    """

    name: str
    digest: str
    title: str
    flags: Mapping[str, Any]
    choices: Mapping[str, Any]
    source: tuple[str, ...]
    outputs: tuple[str, ...]
    settled: tuple[str, ...]
    not_settled: tuple[str, ...]
    measured: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def feature_types(self) -> list[str]:
        """The feature types that it extracts unless --feature_type names some of them."""
        names = self.flags["feature_type"]
        return [str(name) for name in cast(list[Any], names if isinstance(names, list) else [names])]

    @property
    def stamp(self) -> str:
        """What manifest lines say of it."""
        return f"{self.name}@{self.digest}"


def _own() -> dict[str, Path]:
    """Return the files of the recipes that come with the program, by name."""
    return {path.stem: path for folder in FOLDERS for path in folder.glob("*.yaml")}


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the program, sorted."""
    return sorted(_own())


def read_recipe(name: str, typed: str = "--recipe") -> Recipe:
    """Return a recipe by its name, or from the path of a YAML file. typed: what stands before the name, for errors.

    Raises:
        UserError: there is none of that name, or the file is not a recipe.
    """
    origin = f"{typed} {name}"
    path = _path(name, origin)
    content = read_yaml(str(path), origin)
    if unknown := content.keys() - PARTS.keys():
        key = sorted(unknown)[0]
        raise UserError(f"{origin}: {key} is not part of a recipe{did_you_mean(key, PARTS)}")
    for key, kind in PARTS.items():
        if not isinstance(content.get(key, kind()), kind):
            raise UserError(f"{origin}: {key} must be a {IN_WORDS[kind]}")
    for key, values in content.get("choices", {}).items():
        if not isinstance(values, list):
            raise UserError(f"{origin}: choices: {key} must be a list of values")
    for key in OF_A_COMMAND & content.get("flags", {}).keys():
        raise UserError(f"{origin}: flags: {key} is for the command line, not for a recipe: drop it")
    if not content.get("flags", {}).get("feature_type"):
        raise UserError(f"{origin}: flags must name a feature_type")
    parts = {key: content.get(key, kind()) for key, kind in PARTS.items()}
    texts: dict[str, Any] = {key: tuple(map(str, value)) for key, value in parts.items() if PARTS[key] is list}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return Recipe(path.stem, digest, **parts | texts)


def _path(name: str, origin: str) -> Path:
    """Return the file of a recipe."""
    if name.endswith(SUFFIXES):
        return Path(name)
    if path := _own().get(name):
        return path
    known = recipe_names()
    raise UserError(
        f"{origin}: choose from {', '.join(known)}{did_you_mean(name, known)}, or give the path of a .yaml file"
    )
