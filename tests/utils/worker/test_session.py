"""Which tasks a session takes, hands out and yields; whole sessions are in tests/featmill/test_extractor.py."""

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from utils.sources.ref import VideoRef
from utils.worker.plan import Task
from utils.worker.session import _Books, _on_gpu


def tasks(n: int) -> list[Task]:
    return [Task(VideoRef(str(i), str(i), f"{i}.mp4"), ("tiny",)) for i in range(n)]


def outcome(number: int) -> Any:
    return SimpleNamespace(job=SimpleNamespace(ref=SimpleNamespace(id=str(number))), number=number)


@pytest.mark.parametrize(("ordered", "expected"), [(True, [[], [0, 1], [2]]), (False, [[1], [0], [2]])])
def test_outcomes_come_in_order_or_as_they_end(ordered: bool, expected: list[list[int]]) -> None:
    books: Any = _Books(iter(tasks(3)), ordered, 3, 3)
    books.fill()
    found = []
    for number in (1, 0, 2):
        books.end(outcome(number))
        found.append([each.number for each in books.ended()])
    assert found == expected


def test_tasks_are_taken_as_there_is_room_and_each_thread_is_told_the_end() -> None:
    given = iter(tasks(6))
    books: Any = _Books(given, True, 2, 4)
    books.fill()
    first, second = books.next(), books.next()
    assert first is not None and second is not None and (first.ref.id, second.ref.id) == ("0", "1")
    books.fill()
    assert next(given).ref.id == "4"  # two wait, and four are open
    assert books.label("3") == "3.mp4"
    assert [task.ref.id for task in (books.next(), books.next()) if task] == ["2", "3"]
    for number in range(4):
        books.end(outcome(number))
    assert [each.number for each in books.ended()] == [0, 1, 2, 3]
    books.fill()  # the last one, and the end
    assert [task.ref.id for task in (books.next(),) if task] == ["5"]
    ends: list[object] = []
    threads = [threading.Thread(target=lambda: ends.append(books.next())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert ends == [None] * 3


def test_steps_are_taken_on_one_stream_of_the_session_s_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[tuple[str, object]] = []

    @contextlib.contextmanager
    def inside(what: str, value: object) -> Iterator[None]:
        entered.append((what, value))
        yield
        entered.remove((what, value))

    monkeypatch.setattr(torch.cuda, "device", partial(inside, "device"))
    monkeypatch.setattr(torch.cuda, "stream", partial(inside, "stream"))
    monkeypatch.setattr(torch.cuda, "default_stream", lambda device: f"default of {device}")
    gpu = torch.device("cuda", 1)
    with _on_gpu(gpu):
        assert entered == [("device", gpu), ("stream", "default of cuda:1")]
    with _on_gpu(torch.device("cpu")):
        assert entered == []


def test_a_closed_session_gives_no_more_tasks() -> None:
    books: Any = _Books(iter(tasks(6)), True, 4, 4)
    books.fill()
    books.close()
    books.fill()
    assert (books.next(), books.next()) == (None, None)
