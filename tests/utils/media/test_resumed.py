"""A passing error of a disk or a network: read on from where it broke, and given up only when it lasts."""

import errno
import io
from collections.abc import Callable
from typing import BinaryIO

import pytest

from utils.media.resumed import ChangedError, ResumedStream

DATA = bytes(range(256)) * 100


class Breaking(io.BytesIO):
    """A stream that raises an error, or ends, at a byte."""

    def __init__(self, data: bytes, at: int | None, error: Exception | None, seeks: bool) -> None:
        super().__init__(data)
        self._at, self._error, self._seeks = at, error, seeks

    def read(self, size: int | None = -1, /) -> bytes:
        size = -1 if size is None else size
        if self._at is None or self.tell() + size <= self._at:
            return super().read(size)
        if self._at > self.tell():
            return super().read(self._at - self.tell())
        if self._error is None:
            return b""
        raise self._error

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self._seeks:
            raise ValueError("cannot seek")
        return super().seek(offset, whence)


class Source:
    """A source whose n-th opening breaks at the n-th of these bytes, and whose later ones do not."""

    def __init__(self, breaks: list[int], error: Exception | None, seeks: bool = True) -> None:
        self.n_opened = 0
        self._breaks, self._error, self._seeks = breaks, error, seeks

    def open(self) -> BinaryIO:
        at = self._breaks[self.n_opened] if self.n_opened < len(self._breaks) else None
        self.n_opened += 1
        return Breaking(DATA, at, self._error, self._seeks)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.media.resumed.PAUSES_S", (0.0, 0.0, 0.0))


def whole(stream: ResumedStream) -> bytes:
    return b"".join(iter(lambda: stream.read(1000), b""))


PASSING = [OSError(errno.EIO, "I/O error"), ConnectionResetError("reset"), TimeoutError(), RuntimeError("lost"), None]


@pytest.mark.parametrize(("error", "seeks"), [*((error, True) for error in PASSING), (PASSING[0], False)])
def test_it_is_read_on_from_where_it_broke(error: Exception | None, seeks: bool) -> None:
    source = Source([4000, 0, 4000, 9000, 9000, 25000], error, seeks)
    stream = ResumedStream(source)
    assert stream.size == (len(DATA) if seeks else None)
    assert whole(stream) == DATA
    assert source.n_opened == 7
    if seeks:
        assert stream.seek(-100, io.SEEK_END) == len(DATA) - 100
        assert whole(stream) == DATA[-100:]


@pytest.mark.parametrize(
    ("error", "n_opened"),
    [(OSError(errno.EIO, "I/O error"), 4), (None, 4), (PermissionError("no"), 1), (FileNotFoundError("gone"), 1)],
)
def test_what_lasts_is_given_up(error: Exception | None, n_opened: int) -> None:
    source = Source([4000] * 100, error)
    stream = ResumedStream(source)
    assert stream.read(4000) == DATA[:4000]
    with pytest.raises(type(error) if error else OSError, match=None if error else "ends at byte 4000 of 25600"):
        stream.read(10)
    assert source.n_opened == n_opened


def test_errors_of_a_web_server() -> None:
    class AnswerError(Exception):
        def __init__(self, status: int) -> None:
            self.status = status

    def n_opened(make: Callable[[], Exception]) -> int:
        source = Source([0] * 100, make())
        with pytest.raises(type(make())):
            ResumedStream(source).read(1)
        return source.n_opened

    def wrapped() -> Exception:
        error = FileNotFoundError("https://host/x")
        error.__cause__ = AnswerError(503)
        return error

    assert n_opened(lambda: AnswerError(503)) == n_opened(lambda: AnswerError(429)) == n_opened(wrapped) == 4
    assert n_opened(lambda: AnswerError(403)) == 1


def test_a_file_that_changed_is_not_read_on() -> None:
    source = Source([4000], OSError("lost"))
    stream = ResumedStream(source)
    assert stream.read(4000) == DATA[:4000]
    source.open = lambda: io.BytesIO(DATA[:5000])
    with pytest.raises(ChangedError, match="from 25600 to 5000 bytes"):
        stream.read(1)
