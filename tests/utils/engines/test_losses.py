"""Workers that die, hang, fall silent or forget a video, with an engine whose workers are given by hand."""

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines import dispatch
from utils.engines.base import Gone
from utils.engines.dispatch import STARTS, Dispatcher
from utils.errors import RunError, UserError
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.sources.ref import VideoRef
from utils.worker.messages import Ended, Fatal, Finished, Hung, NextTask, Placed, Ready, Returned
from utils.worker.plan import FeaturePlan, Plan, Task

FEATURE = FeaturePlan("tiny", "", Config(), {}, {}, "", RunStamp("tiny"), acav_names("tiny"))
READY = (Ready(), NextTask())


class Dying:
    """One worker that decodes two videos ahead; it dies of one of `deadly`, and `hanging` ones hang first."""

    def __init__(self, deadly=(), hanging=(), first=READY) -> None:
        self.deadly, self.hanging, self.first = deadly, hanging, first
        self.messages, self.held, self.given, self.n = deque(), {}, [], 0

    def check(self, plan, tasks):
        pass

    def start(self, plan, device):
        self.n += 1
        self.held[self.n] = []
        self.messages += [(self.n, message) for message in self.first]
        return self.n

    def send(self, worker, tasks):
        held = self.held[worker]
        if not tasks:
            self.messages += [(worker, Finished(line(ref))) for ref in held] + [
                (worker, Ended()),
                (worker, Gone("over")),
            ]
            return
        (task,) = tasks
        held.append(task.ref)
        self.given.append((worker, task.ref.id))
        deadly = [ref.id for ref in held if ref.id in self.deadly]
        if task.ref.id in self.hanging:
            self.messages.append((worker, Hung(task.ref.id, 9.0)))
        elif (deadly and len(held) == 2) or (deadly and worker > 1):
            self.messages.append((worker, Gone("was ended by SIGSEGV")))
        else:
            done = [(worker, Finished(line(held.pop(0))))] if len(held) == 2 or worker > 1 else []
            asking = [(worker, NextTask())]
            self.messages += asking + done if worker > 1 else done + asking

    def kill(self, worker):
        self.messages.append((worker, Gone("was ended by SIGKILL")))

    def recall(self, worker):
        self.messages.append((worker, Returned(())))

    def poll(self, _timeout_s):
        if self.messages:
            yield self.messages.popleft()

    def end(self):
        self.held.clear()


class Books:
    """Stands in for the run's results and progress."""

    def __init__(self) -> None:
        self.done, self.lost, self.warned = [], {}, []

    def take(self, line, ref):
        self.done.append(ref.id)

    def give_up(self, task, reason, statuses):
        self.lost[task.ref.id] = reason

    def warn(self, text):
        self.warned.append(text)

    def unreported(self, ref, types):
        return []

    def __getattr__(self, _name):
        return lambda *_: None


def line(ref: VideoRef) -> ManifestLine:
    return ManifestLine(id=ref.id, status="done", stamp=RunStamp("tiny"))


def dispatched(workers: Any, n: int = 4, **flags: Any) -> Books:
    tasks = iter([Task(VideoRef(str(i), str(i), f"{i}.mp4"), ("tiny",)) for i in range(n)])
    todo: Any = SimpleNamespace(next=lambda: next(tasks, None), n_waiting=0)
    plan = Plan(RunConfig(max_retries=1, video_timeout=9.0, **flags), (FEATURE,), ("cpu",), 1, 2)
    books: Any = Books()
    Dispatcher(plan, todo, books, books, workers).run()
    return books


def test_every_video_is_handed_out_once_where_nothing_happens() -> None:
    engine = Dying()
    assert sorted(dispatched(engine).done) == list("0123")
    assert engine.given == [(1, each) for each in "0123"]


def test_a_worker_s_videos_are_retried_alone_and_the_deadly_one_is_given_up() -> None:
    engine = Dying(deadly="1")
    books = dispatched(engine)
    assert sorted(books.done) == list("023")
    assert books.lost == {"1": "1.mp4: the worker was ended by SIGSEGV 2 times while it held this video"}
    assert books.warned[0] == "0.mp4: the worker on cpu was ended by SIGSEGV; trying this video alone"
    assert engine.given[:4] == [(1, "0"), (1, "1"), (2, "0"), (2, "1")]


def test_a_video_that_kills_each_worker_on_a_cluster_before_that_reports_it_is_given_up() -> None:
    books = dispatched(Dying(deadly="1", first=(Placed("node0/cpu"), *READY)), engine="ray")
    assert sorted(books.done) == list("023")
    assert books.lost == {"1": "1.mp4: the worker was ended by SIGSEGV 2 times while it held this video"}
    assert books.warned == ["1.mp4: the worker on node0/cpu was ended by SIGSEGV; trying this video alone"]


def test_a_video_that_hangs_is_retried_and_the_others_of_its_worker_are_not_blamed() -> None:
    books = dispatched(Dying(hanging="1"))
    assert sorted(books.done) == list("023") and len(books.warned) == 1
    assert "was ended, as the decoder gave nothing for 9 s (--video_timeout)," in books.lost["1"]


@pytest.mark.parametrize(("code", "kind"), [(2, UserError), (3, RunError)])
def test_a_worker_that_cannot_load_its_networks_stops_the_run(code: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="not of this network"):
        dispatched(Dying(first=(Fatal(code, "not of this network"),)))


def test_workers_that_die_while_they_start_are_not_tried_for_ever() -> None:
    engine = Dying(first=(Gone("ended with exit code 1"),))
    with pytest.raises(RunError, match=r"workers on cpu die while they start \(ended with exit code 1\)"):
        dispatched(engine)
    assert engine.n == STARTS


class Silent(Dying):
    """Its first worker says nothing more once it has a video."""

    def send(self, worker, tasks):
        if worker > 1 or not tasks:
            super().send(worker, tasks)
        else:
            self.held[worker].append(tasks[0].ref)


def test_a_worker_that_is_silent_for_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "FROZEN_S", 5.0)
    clock = iter(range(10**9))
    monkeypatch.setattr(dispatch.time, "monotonic", lambda: float(next(clock)))
    engine = Silent()
    books = dispatched(engine, n=1)
    assert (books.done, engine.n) == (["0"], 2)


def test_no_worker_counts_as_silent_while_the_main_process_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**9, 3600))  # an hour passes between any two looks: a merge, or Ctrl-Z
    monkeypatch.setattr(dispatch.time, "monotonic", lambda: float(next(clock)))
    engine = Dying()
    assert sorted(dispatched(engine).done) == list("0123") and engine.n == 1


def test_a_video_that_a_worker_forgets_is_tried_again() -> None:
    class Forgetful(Dying):
        def send(self, worker, tasks):
            if worker == 1 and tasks:
                self.messages += [(worker, Ended()), (worker, Gone("ended with exit code 0"))]
            else:
                super().send(worker, tasks)

    engine = Forgetful()
    books = dispatched(engine)
    assert sorted(books.done) == list("0123")
    assert books.warned == ["0.mp4: the worker on cpu ended with exit code 0; trying this video alone"]
