"""The pages of the recipes are those that their files give."""

import runpy

from support.program import ROOT

FOLDER = ROOT / "docs" / "recipes"


def test_the_pages_of_the_recipes_are_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "_scripts" / "recipes.py"))["pages"]()
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == pages
