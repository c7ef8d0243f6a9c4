"""The writer thread: order, a bounded queue, errors passed back."""

import threading
import time

import pytest

from utils.errors import RunError
from utils.worker.writer import Writer


def test_all_is_written_in_order_before_it_is_left():
    written = []

    def finish(outcome):
        time.sleep(0.002)
        written.append(outcome)

    with Writer() as writer:
        put = writer.later(finish, lambda outcome: 1)
        for i in range(50):
            put(i)
        assert len(written) < 50
    assert written == list(range(50))


def test_an_error_comes_back_at_the_next_video_and_in_an_idle_moment():
    failed = threading.Event()

    def finish(outcome):
        failed.set()
        raise RunError("the disk is full")

    with pytest.raises(RunError, match="the disk is full"), Writer() as writer:
        put = writer.later(finish, lambda outcome: 1)
        put("a")
        assert failed.wait(5)
        writer._thread.join(5)
        with pytest.raises(RunError, match="the disk is full"):
            writer.check()
        put("b")


def test_an_error_with_the_last_video_is_not_lost():
    def finish(outcome):
        raise RunError("the disk is full")

    with pytest.raises(RunError, match="the disk is full"), Writer() as writer:
        writer.later(finish, lambda outcome: 1)("a")


def test_what_waits_is_dropped_when_the_worker_is_stopped():
    written, started = [], threading.Event()

    def finish(outcome):
        started.set()
        time.sleep(0.05)
        written.append(outcome)

    with pytest.raises(SystemExit), Writer() as writer:
        put = writer.later(finish, lambda outcome: 1)
        for i in range(10):
            put(i)
        assert started.wait(5)
        raise SystemExit(143)
    assert written == [0]


def test_large_results_do_not_pile_up():
    release, put_in = threading.Event(), []

    def finish(outcome):
        release.wait(10)

    with Writer() as writer:
        put = writer.later(finish, lambda outcome: 200 << 20)

        def put_all():
            for i in range(4):
                put(i)
                put_in.append(i)

        thread = threading.Thread(target=put_all)
        thread.start()
        time.sleep(0.2)
        assert put_in == [0, 1]  # one is being written, one waits
        release.set()
        thread.join(5)
