"""The watchdog: calls that last too long are reported once, waiting elsewhere is not, and exit is not held up."""

import queue
import signal
import threading
import time

import pytest

from utils.media.report import VideoReport
from utils.worker import watchdog
from utils.worker.messages import Alive, Decoded, HowFar, Hung
from utils.worker.watchdog import Watchdog


def test_a_call_that_lasts_too_long_is_reported_once():
    events = queue.Queue()
    with Watchdog(events.put, timeout_s=0.2, alive_s=100) as dog:
        with dog.watching("quick"):
            time.sleep(0.05)
        assert events.get(timeout=5) == Alive()
        with dog.watching("slow"):
            hung = events.get(timeout=5)
            time.sleep(0.2)
    assert hung.video_id == "slow"
    assert 0.2 <= hung.seconds < 5
    assert events.empty()


def test_its_thread_has_ended_when_it_is_waited_for():
    with Watchdog(lambda _message: None, timeout_s=100) as dog:
        assert [thread.name for thread in threading.enumerate() if thread.name == "watchdog"]
    dog.join()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "watchdog"]


def test_signs_of_life_come_regularly():
    events = queue.Queue()
    with Watchdog(events.put, timeout_s=100, alive_s=0.05):
        assert [events.get(timeout=5) for _ in range(3)] == [Alive()] * 3


def test_time_in_which_the_process_stood_still_does_not_count(monkeypatch):
    """The process is stopped for an hour while a decoder works: the watchdog sees one long tick."""
    times_s = iter([0.0, 1.0, 3601.0, 3602.0])
    events = []
    dog = Watchdog(events.append, timeout_s=600, alive_s=5)
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: next(times_s))
    waits = iter([False, False, False, True])
    monkeypatch.setattr(dog._stopped, "wait", lambda _seconds: next(waits))
    with dog.watching("a"):
        dog._run()
    assert events == [Alive()]


def test_leaving_does_not_wait_for_a_report_that_nobody_reads():
    stuck, release = threading.Event(), threading.Event()

    def report(*_event):
        stuck.set()
        release.wait(10)

    with Watchdog(report, timeout_s=1, alive_s=0.01):
        assert stuck.wait(5)
        start_s = time.monotonic()
    assert time.monotonic() - start_s < 0.1
    release.set()


def test_a_lost_main_process_ends_the_worker(monkeypatch):
    killed = queue.Queue()
    monkeypatch.setattr(watchdog.os, "kill", lambda _pid, number: killed.put(number))

    def report(*_event):
        raise BrokenPipeError

    with Watchdog(report, timeout_s=1, alive_s=0.01):
        assert killed.get(timeout=5) == signal.SIGTERM


def test_says_how_far_streams_are_decoded():
    class Stream:
        decoded_s, length_s = 1.5, 60.0

    events: queue.Queue[object] = queue.Queue()
    with Watchdog(events.put, timeout_s=100, alive_s=0.05) as dog, dog.following("a", Stream()):
        while not isinstance(event := events.get(timeout=10), Decoded):
            pass
    assert event.videos == {"a": HowFar(1.5, 60.0)}


@pytest.mark.parametrize("moves", [True, False])
def test_a_call_that_gets_further_does_not_hang(monkeypatch, moves):
    decoded_s = property(lambda _: time.monotonic() if moves else 1.0, lambda *_: None)
    monkeypatch.setattr(VideoReport, "decoded_s", decoded_s)
    events: queue.Queue[object] = queue.Queue()
    with Watchdog(events.put, timeout_s=0.1) as dog, dog.following("a", VideoReport()), dog.watching("a"):
        time.sleep(0.4)
    found = list(events.queue)
    assert any(isinstance(event, Decoded) and event.videos["a"].is_counting for event in found)
    assert any(isinstance(event, Hung) for event in found) != moves
