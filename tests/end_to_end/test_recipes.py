"""Recipes give the rows of the original code, with the same weights on the same clips.

The larger networks are compared by `python -m benchmarks.recipes --golden`.
"""

from pathlib import Path

import pytest
from support.golden import relative_error
from support.recipes import CASES, SLOW, golden_rows

FAST = [(recipe, name) for recipe, names in CASES.items() for name in names if (recipe, name) not in SLOW]


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.mark.parametrize(("recipe", "name"), FAST)
def test_rows_equal_those_of_the_original_code(recipe: str, name: str, weights_dir: Path) -> None:
    ours, theirs, meta = golden_rows(recipe, name, weights_dir)
    assert relative_error(ours, theirs) < meta["tolerance"]
