"""What the tests of downloads share: a local server, short waits, and a temporary cache."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.downloads import Server

from utils.weights import download


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "BACKOFF_S", (0.01, 0.01))
    monkeypatch.setattr(download, "TIMEOUT_S", 0.5)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("FEATMILL_WEIGHTS", str(tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()
