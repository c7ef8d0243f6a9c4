"""What a worker tells of its end; whole workers are in tests/end_to_end/test_run.py."""

import multiprocessing
import os
import signal
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

from utils.config.run import RunConfig
from utils.errors import RunError, UserError
from utils.worker import main
from utils.worker.messages import Ended, Fatal, Start
from utils.worker.plan import Plan


class Held:
    """What a weak reference can refer to."""


PLAN = Plan(RunConfig(compile=True), (), ("cpu",), 1, 1)  # with --compile the process is not ended at once


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple]:
    monkeypatch.setattr(main, "_set_up_logs", lambda label, quiet: None)
    handler = signal.getsignal(signal.SIGTERM)
    yield multiprocessing.Pipe()
    signal.signal(signal.SIGTERM, handler)


def test_a_worker_that_did_all_says_so(pipe: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pipe
    given = []
    monkeypatch.setattr(main, "_extract", lambda pipe, *told: given.append(told))
    ours.send(Start(PLAN, "cpu", "cpu"))
    main.work(theirs)
    assert given == [(PLAN, "cpu", "cpu")] and ours.recv() == Ended()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("not of this network"), 2, "not of this network"),
        (RunError("disk full"), 3, "disk full"),
        (KeyError("x"), 3, "worker on cpu: Traceback"),
    ],
)
def test_errors_reach_the_main_process(pipe: tuple, monkeypatch, error: Exception, code: int, words: str) -> None:
    ours, theirs = pipe

    def fail(*_):
        raise error

    monkeypatch.setattr(main, "_extract", fail)
    ours.send(Start(PLAN, "cpu", "cpu"))
    main.work(theirs)
    found = ours.recv()
    assert isinstance(found, Fatal) and found.exit_code == code and found.message.startswith(words)


def test_a_worker_without_a_plan_ends(pipe: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pipe
    given = []
    monkeypatch.setattr(main, "_extract", lambda pipe, *told: given.append(told))
    ours.close()
    main.work(theirs)
    assert not given


def test_a_signal_within_a_callback_ends_the_worker_after_it(pipe: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", main._exit_after_callbacks)
    signal.signal(signal.SIGTERM, main._exit_at_once)
    held = [Held()]
    called = weakref.ref(held[0], lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        held.clear()
        time.sleep(5)
    assert called() is None
