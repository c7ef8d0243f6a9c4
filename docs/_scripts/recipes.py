"""The pages of docs/recipes/, from the files of recipes/:

python docs/_scripts/recipes.py
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from utils.commands.recipes import settings_lines  # noqa: E402 - after sys.path is set
from utils.config.recipe import Recipe, read_recipe, recipe_names  # noqa: E402 - after sys.path is set

FOLDER = ROOT / "docs" / "recipes"
INTRODUCTION = """\
# Recipes

Published feature sets under one name: `--recipe NAME` sets feature types, frames, crops, windows, layers, names and
dtypes as the set was made. The command `recipes NAME` shows what a recipe sets.

    python main.py --recipe thumos14_i3d --input_dir videos --output_path features
    featmill.Extractor("i3d", recipe="thumos14_i3d")    # Python: one of its types, in arrays, not in files

Flags that change what comes out are refused, unless `--unlike_recipe` is given; each line of the manifest then names
what was changed. Where a set was published in several ways, the recipe says which flags may be given. Under "Measured"
a page gives the relative error, the norm of the difference over the norm of the original's features, on clips that the
original code was run on with the same random weights, in float32. To find out how a set that you have was made, see
[compare](../compare.md).

| recipe | what it is |
| --- | --- |
"""
OWN = """
## Your own

A recipe is a YAML file, such as `mine.yaml` for `--recipe mine.yaml`; those of the program are in the source's folder
`recipes/`.

    title: CLIP twice a second, five crops
    flags:
      feature_type: clip
      name_template: "{stem}__{crop}"
      save_times: false
      clip:
        extraction_fps: 2
        resize: short:256
        crop_type: 5-crop
    choices:
      clip.extraction_fps: [4]

`flags` are those of a `--config` file, with those of one feature type below its name. What they leave out has its
default, and flags that would change it are refused, too. `choices` are other values that may be given.
`source`, `outputs`, `settled`, `not_settled`, `measured` and `readers` are lists of texts, which the command
`recipes mine.yaml` shows.
"""


def pages() -> dict[str, str]:
    """Return the content of each page of docs/recipes/, by the name of its file."""
    recipes = [read_recipe(name) for name in recipe_names()]
    index = "".join(f"| [{recipe.name}]({recipe.name}.md) | {recipe.title} |\n" for recipe in recipes)
    return {"index.md": INTRODUCTION + index + OWN} | {f"{recipe.name}.md": page(recipe) for recipe in recipes}


def page(recipe: Recipe) -> str:
    """Return the page of one recipe."""
    parts = {
        "What comes out": recipe.outputs,
        "Settled": recipe.settled,
        "Not settled": recipe.not_settled or ["Nothing that is known."],
        "Measured": recipe.measured or ["Nothing: no extraction code is public, or it was not run."],
        "Who reads it": recipe.readers,
        "Source": recipe.source,
    }
    head = [f"# {recipe.name}", "", f"{recipe.title}.", ""]
    command = [f"    python main.py --recipe {recipe.name} --video_paths FILE ... --output_path DIR", ""]
    settings = ["It sets:", "", *(f"    {line}" for line in settings_lines(recipe)), ""]
    texts = [line for title, items in parts.items() for line in _section(title, items)]
    return "\n".join(head + command + settings + texts)


def _section(title: str, items: Iterable[str]) -> Iterator[str]:
    yield from (f"## {title}", "", *(f"- {item}" for item in items), "")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in pages().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
