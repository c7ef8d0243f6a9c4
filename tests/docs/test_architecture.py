"""docs/architecture.md: what it names exists, and its walks go one way."""

import re

from support.program import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
PATH = re.compile(r"`((?:main\.py|hatch_build\.py|(?:featmill|models|recipes|utils|tests)/[\w/.]*))`")


def section(title: str) -> str:
    """Return the text below a heading."""
    (found,) = [text for text in PAGE.split("\n## ") if text.startswith(title)]
    return found


def test_every_path_exists():
    paths = PATH.findall(PAGE)
    assert len(paths) > 80
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_each_question_has_one_answer():
    rows = [row for row in section("Where is").splitlines() if row.startswith("| ")][2:]
    assert len(rows) >= 25
    assert all(len(PATH.findall(row)) == 1 for row in rows)


def test_no_walk_comes_back_to_a_file():
    walks = section("Six walks").split("\n**")[1:]
    assert len(walks) == 6
    for walk in walks:
        steps = re.findall(r"^\d+\. `([^`]+)`", walk, re.MULTILINE)
        assert len(steps) >= 7
        assert len(set(steps)) == len(steps)


def test_the_table_of_rooms_is_the_order_of_imports():
    from test_imports import ROOMS

    listed = [
        path.removeprefix("utils/").removesuffix(".py")
        for path in PATH.findall(section("Rooms"))
        if path.count("/") == 1
    ]
    assert [room for room in listed if room in ROOMS][: len(ROOMS)] == ROOMS
