"""Workers and their pipes, with threads for processes."""

import multiprocessing
from types import SimpleNamespace
from typing import Any

import pytest

from utils.engines.base import Gone
from utils.engines.environment import UNGUARDED
from utils.engines.local import LocalEngine
from utils.errors import UserError
from utils.sources.ref import VideoRef
from utils.worker.messages import NextTask, Ready, Start
from utils.worker.plan import Task

PLAN: Any = "plan"


class Process:
    """A process that ends when it is told to, or only by force."""

    def __init__(self, stubborn: bool = False) -> None:
        self.exitcode, self.stubborn, self.told = None, stubborn, []

    def join(self, _seconds: float | None = None) -> None:
        """Return at once."""

    def is_alive(self) -> bool:
        return self.exitcode is None

    def terminate(self) -> None:
        self.told.append("terminate")
        self.exitcode = None if self.stubborn else -15

    def kill(self) -> None:
        self.told.append("kill")
        self.exitcode = -9


class Starter:
    """Gives pipes without processes; keeps the workers' ends."""

    def __init__(self) -> None:
        self.ends, self.processes, self.stubborn = [], [], False

    def take(self):
        ours, theirs = multiprocessing.Pipe()
        self.ends.append(theirs)
        self.processes.append(Process(self.stubborn))
        return SimpleNamespace(process=self.processes[-1], connection=ours)


@pytest.fixture
def starter() -> Any:
    return Starter()


def test_messages_go_both_ways_each_worker_by_its_own_pipe(starter: Any) -> None:
    engine, task = LocalEngine(starter), Task(VideoRef("a", "a", "a.mp4"), ("tiny",))
    first, second = engine.start(PLAN, "cpu"), engine.start(PLAN, "cuda:1")
    assert [end.recv() for end in starter.ends] == [Start(PLAN, "cpu", "cpu"), Start(PLAN, "cuda:1", "cuda:1")]
    for message in (Ready(), NextTask()):
        starter.ends[1].send(message)
    assert list(engine.poll(0)) == [(second, Ready())]  # one message at a time
    assert list(engine.poll(0)) == [(second, NextTask())] and list(engine.poll(0)) == []
    engine.send(second, [task])
    engine.send(first, [])
    assert (starter.ends[1].recv(), starter.ends[0].recv()) == (task, None)


@pytest.mark.parametrize(
    ("exit_code", "cause"),
    [(-9, "was ended by SIGKILL (out of memory?)"), (-11, "was ended by SIGSEGV"), (3, "ended with exit code 3")],
)
def test_a_worker_that_is_gone_is_reported_once_with_the_cause(starter: Any, exit_code: int, cause: str) -> None:
    engine = LocalEngine(starter)
    worker = engine.start(PLAN, "cpu")
    starter.ends[0].close()
    starter.processes[0].exitcode = exit_code
    assert list(engine.poll(0)) == [(worker, Gone(cause))]
    assert list(engine.poll(0)) == []
    engine.send(worker, [])
    engine.kill(worker)
    assert starter.processes[0].told == []


def test_a_script_that_is_not_guarded_says_what_to_write(starter: Any) -> None:
    engine = LocalEngine(starter)
    engine.start(PLAN, "cpu")
    starter.ends[0].close()
    starter.processes[0].exitcode = UNGUARDED
    with pytest.raises(UserError, match='put the call below `if __name__ == "__main__":`'):
        list(engine.poll(0))


def test_workers_that_do_not_end_are_killed(starter: Any) -> None:
    engine = LocalEngine(starter)
    engine.start(PLAN, "cpu")
    starter.stubborn = True
    engine.start(PLAN, "cpu")
    engine.end()
    assert [process.told for process in starter.processes] == [["terminate"], ["terminate", "kill"]]
    assert starter.ends[0].recv() == Start(PLAN, "cpu", "cpu")
    with pytest.raises(EOFError):
        starter.ends[0].recv()
