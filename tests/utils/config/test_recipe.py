"""Recipes are read from their files, and files that are none are refused."""

from pathlib import Path

import pytest

from utils.config.recipe import read_recipe, recipe_names
from utils.errors import UserError

OWN = """
title: Every frame
source: [a page]
flags:
  feature-type: resnet
  resnet: {extraction_fps: 2}
choices: {resnet.extraction_fps: [4]}
"""


def test_the_recipes_of_the_program_are_found_by_name() -> None:
    for name in recipe_names():
        recipe = read_recipe(name)
        assert recipe.name == name
        assert recipe.title and recipe.source and recipe.outputs and recipe.settled and recipe.readers, name


def test_a_file_of_the_user_is_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(OWN.replace("feature-type", "feature_type"))
    recipe = read_recipe(str(path))
    assert (recipe.name, recipe.feature_types, recipe.source) == ("mine", ["resnet"], ("a page",))
    assert recipe.choices == {"resnet.extraction_fps": [4]}
    stamp = recipe.stamp
    path.write_text(path.read_text().replace("Every", "each"))
    assert read_recipe(str(path)).stamp != stamp


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (OWN.replace("title", "titel"), ["titel", "did you mean title"]),
        (OWN.replace("[a page]", "a page"), ["source must be a list"]),
        (OWN, ["flags must name a feature_type"]),
        ("flags: {recipe: vadclip}", ["recipe is for the command line"]),
        ("flags: [", ["not readable as YAML"]),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: str, words: list[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        read_recipe(str(path))
    assert all(word in str(caught.value) for word in [f"--recipe {path}", *words]), str(caught.value)


def test_an_unknown_name_is_refused_with_the_list() -> None:
    with pytest.raises(UserError, match=r"choose from .*did you mean clip_l14_1fps"):
        read_recipe("clip_l14_1fp")
    with pytest.raises(UserError, match=r"absent.yaml: no such file"):
        read_recipe("absent.yaml")
