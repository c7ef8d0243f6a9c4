"""The pages of the recipes are those that their files give, and name files where runs put them."""

import re
import runpy

from support.program import ROOT

from utils.config.recipe import read_recipe, recipe_names

FOLDER = ROOT / "docs" / "recipes"


def test_the_pages_of_the_recipes_are_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "_scripts" / "recipes.py"))["pages"]()
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == pages


def test_files_are_named_with_the_folders_of_their_feature_types() -> None:
    for recipe in map(read_recipe, recipe_names()):
        files = re.findall(r"`([^` ]*VIDEO[^`]*)`", " ".join(recipe.outputs))
        assert {file.partition("/")[0] for file in files} >= set(recipe.feature_types), recipe.name
        assert all(file.partition("/")[0] in {*recipe.feature_types, "panns"} for file in files), recipe.name
