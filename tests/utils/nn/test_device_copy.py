import contextlib
from typing import cast

import pytest
import torch

from utils.nn.device_copy import DeviceCopies


class Copied:
    """Stands in for an event, once it has happened."""

    def query(self) -> bool:
        return True


class Stream:
    """Stands in for a stream of a GPU, and notes what is done with it."""

    def __init__(self, name: str, done: list[str]) -> None:
        self.name, self.done = name, done

    def record_event(self) -> Copied:
        return Copied()

    def wait_stream(self, other: "Stream") -> None:
        self.done.append(f"{self.name} waits for {other.name}")


class Pixels:
    """Stands in for a tensor that is not pinned."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def is_pinned(self) -> bool:
        return False

    def pin_memory(self) -> "Pixels":
        self.done.append("pinned")
        return self

    def to(self, _device: torch.device, non_blocking: bool) -> "Pixels":
        self.done.append("copied beside the host" if non_blocking else "copied")
        return self

    def record_stream(self, stream: Stream) -> None:
        self.done.append(f"used by {stream.name}")


def test_computing_waits_for_a_copy_and_the_host_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    @contextlib.contextmanager
    def using(stream: Stream):
        done.append(f"on {stream.name}")
        yield
        done.append(f"off {stream.name}")

    monkeypatch.setattr(torch.cuda, "Stream", lambda _device: Stream("copies", done))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: Stream("computing", done))
    monkeypatch.setattr(torch.cuda, "stream", using)
    DeviceCopies(torch.device("cuda")).copy(cast(torch.Tensor, Pixels(done)))
    expected = ["pinned", "on copies", "copied beside the host", "off copies"]
    assert done == [*expected, "computing waits for copies", "used by computing"]
