"""Kinds of failure, and text as a terminal may show it."""

import signal

import pytest

from utils.errors import FeatmillError, Interrupted, RunError, SkippedError, UserError, VideoError, printable


def test_each_kind_has_its_exit_code() -> None:
    kinds = (FeatmillError, UserError, VideoError, SkippedError, RunError)
    assert [kind.exit_code for kind in kinds] == [3, 2, 1, 1, 3]
    assert (str(Interrupted(signal.SIGTERM)), Interrupted(signal.SIGTERM).exit_code) == ("SIGTERM", 143)
    assert not issubclass(Interrupted, FeatmillError)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nvidéo 视频.mp4", "a\tb\nvidéo 视频.mp4"),
        ("\x1b[31mred\r\x07", "\\x1b[31mred\\r\\x07"),
        ("gpj.\u202eexe\u2028", "gpj.\\u202eexe\\u2028"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_acts_on_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_the_terminal_cannot_encode_is_escaped() -> None:
    assert printable("é视", "latin-1") == "é\\u89c6"
