"""Flags made from the settings, and errors of one line."""

import re
from dataclasses import dataclass

import pytest

from utils.commands.parser import Parser, add_flags
from utils.config.schema import Config, flag
from utils.errors import UserError


@dataclass(frozen=True)
class Settings(Config):
    size: int = flag(3, "the size, 50% of it", group="x", aliases=("side",), metavar="N")
    names: list[str] = flag(["a"], "names", group="x")
    show_all: bool = flag(False, "show", group="y")
    show_pred: bool = flag(False, "show", group="y", optional_value=True, metavar="yes|no")
    rate: float | None = flag(None, "rate", group="y")


def parsed(*arguments: str, prefix: str = "") -> dict[str, object]:
    parser = Parser(prog="x")
    assert add_flags(parser, Settings, prefix=prefix) == {"size", "names", "show_all", "show_pred", "rate"}
    return vars(parser.parse_args(arguments))


def test_only_what_is_given_is_there() -> None:
    assert parsed() == {}
    assert parsed("--size", "7", "--names", "b", "c", "--names", "d", "--rate", "0.5") == {
        "size": 7, "names": ["b", "c", "d"], "rate": 0.5,
    }  # fmt: skip
    assert parsed("--x.size", "7", prefix="x.") == {"x.size": 7}


def test_hyphens_are_underscores_and_aliases_mean_the_same() -> None:
    assert parsed("--show-all", "--side=7") == {"show_all": True, "size": 7}
    assert parsed("--no-show-all", "--no_show_pred") == {"show_all": False, "show_pred": False}
    assert parsed("--show_pred") == {"show_pred": True} and parsed("--show_pred", "a.txt") == {"show_pred": "a.txt"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "1", "--size", "2"], "--size is given twice, and takes one value: drop one of them"),
        (["--size", "1", "--side=2"], "--size, also called --side, is given twice"),
        (["--size", "many"], "invalid int value: 'many'"),
        (["--siz", "3"], "unrecognized arguments: --siz 3"),
        (["--names"], "expected at least one argument"),
    ],
)
def test_errors(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parsed(*arguments)


def test_help_says_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert re.search(r"--size( N)?, --side N the size, 50% of it \(default: 3\)", text)  # N once from Python 3.13 on
    assert "names (default: a)" in text
    assert "rate (default" not in text
