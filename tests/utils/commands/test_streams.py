"""Streams whose reader has gone."""

import io
import sys

import pytest

from utils.commands.streams import TolerantStream, settle, tolerant


class Closed(io.StringIO):
    """A pipe whose reader goes after some letters."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, text: str) -> int:
        self.room -= len(text)
        if self.room < 0:
            raise BrokenPipeError
        return super().write(text)


def test_what_can_be_written_is_and_the_rest_is_swallowed() -> None:
    stream = Closed(5)
    ours = TolerantStream(stream)
    ours.writelines(["abc", "def", "g"])
    assert ours.write("more") == 4 and stream.getvalue() == "abc"
    assert isinstance(ours.failure, BrokenPipeError)
    ours.flush()
    assert ours.getvalue() == "abc"  # as of the stream itself


def test_a_closed_stream_fails_once() -> None:
    stream = io.StringIO()
    stream.close()
    ours = TolerantStream(stream)
    assert ours.write("a") == 1 and isinstance(ours.failure, ValueError)
    ours.flush()


def test_the_caller_gets_its_streams_back(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with pytest.raises(KeyError), tolerant():
        print("shown")
        with tolerant():  # within another
            pass
        assert isinstance(sys.stdout, TolerantStream)
        raise KeyError
    assert (sys.stdout, sys.stderr, out.getvalue()) == (out, err, "shown\n")


@pytest.mark.parametrize(
    ("error", "all_written"), [(None, True), (BrokenPipeError(), True), (OSError(28, "full"), False)]
)
def test_a_full_disk_is_an_error_and_a_reader_that_has_enough_is_none(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, all_written: bool
) -> None:
    moved = []
    monkeypatch.setattr("utils.commands.streams.os.dup2", lambda _null, descriptor: moved.append(descriptor))
    ours = TolerantStream(io.StringIO())
    ours.failure = error
    monkeypatch.setattr(sys, "stdout", ours)
    monkeypatch.setattr(sys, "stderr", TolerantStream(io.StringIO()))
    assert settle() is all_written
    assert moved == ([1] if error else [])
