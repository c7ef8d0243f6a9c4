"""The errors of reading, and their messages."""

import sys
import zlib
from types import SimpleNamespace

import pytest

from utils.errors import Interrupted
from utils.sources.errors import message_of, read_errors


def test_errors_of_libraries_that_are_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    class ClientError(Exception):
        pass

    monkeypatch.setitem(sys.modules, "aiohttp", SimpleNamespace(ClientError=ClientError))
    monkeypatch.setitem(sys.modules, "gcsfs.retry", SimpleNamespace())  # another version of it
    found = read_errors()
    assert issubclass(ClientError, found) and issubclass(zlib.error, found) and issubclass(ConnectionError, found)
    assert not issubclass(Interrupted, found) and not issubclass(KeyboardInterrupt, found)
    monkeypatch.delitem(sys.modules, "aiohttp")
    assert not issubclass(ClientError, read_errors())


def test_messages_are_one_short_line_without_secrets() -> None:
    assert message_of(OSError("a\n  b\tc")) == "a b c"
    assert len(message_of(OSError("x" * 999))) == 300
    assert message_of(TimeoutError()) == "TimeoutError"
    assert "secret" not in message_of(OSError("https://user:secret@host/a.mp4: 404"))
