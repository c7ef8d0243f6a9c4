"""Notices a decoder that hangs, and tells the main process how far videos are, and that this one is alive."""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from utils.media.report import VideoReport
from utils.worker.messages import Alive, Decoded, HowFar, Hung

log = logging.getLogger(__name__)

ALIVE_S = 2.0  # between two Alive messages


class Timed(Protocol):
    """A stream, or a pass that counts its frames, that says how far it is."""

    @property
    def decoded_s(self) -> float:
        """Seconds that are decoded, or counted."""
        ...

    @property
    def length_s(self) -> float | None:
        """Seconds that there are; None where the file does not say."""
        ...


@dataclass
class _Call:
    video_id: str
    awake_s: float  # of the watchdog's clock, when the call began, or last got further
    done_s: float = 0.0  # of the stream that is followed
    reported: bool = False


class Watchdog:
    """A thread that watches the decoding calls of all others; a context manager.

    report: takes messages for the main process: Alive every few seconds, Decoded every second while streams are open,
        and Hung once for each call that gets no further for longer than `timeout_s`. Where it raises OSError, the main
        process is gone, and this process gets SIGTERM: a thread that hangs would never notice.

    Time is counted only while this process runs: one that was stopped for an hour, by Ctrl-Z or by a laptop's lid, has
    no decoder that hung for an hour. The time of day plays no part.
    """

    def __init__(
        self, report: Callable[[Alive | Decoded | Hung], None], timeout_s: float, alive_s: float = ALIVE_S
    ) -> None:
        self._report = report
        self._timeout_s = timeout_s
        self._alive_s = alive_s
        self._tick_s = min(alive_s, 1.0, timeout_s / 4)
        self._awake_s = 0.0
        self._calls: dict[int, _Call] = {}  # by thread
        self._streams: dict[int, tuple[str, Timed]] = {}  # by thread, with the video's id
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()  # it is not waited for: it may be in the middle of a report that nobody reads

    def join(self) -> None:
        """Wait until the thread has ended, after the block; for reports that never wait."""
        self._thread.join()

    @contextlib.contextmanager
    def watching(self, video_id: str) -> Generator[None, None, None]:
        """Watch what the calling thread does inside: opening a video, or decoding its next frames."""
        thread = threading.get_ident()
        self._calls[thread] = _Call(video_id, self._awake_s)
        try:
            yield
        finally:
            del self._calls[thread]

    @contextlib.contextmanager
    def following(self, video_id: str, stream: Timed) -> Generator[None, None, None]:
        """Report how far a stream is, which the calling thread decodes inside, or whose frames it counts."""
        thread = threading.get_ident()
        self._streams[thread] = (video_id, stream)
        try:
            yield
        finally:
            del self._streams[thread]

    def _run(self) -> None:
        last_s, alive_at_s = time.monotonic(), 0.0
        try:
            while not self._stopped.wait(self._tick_s):
                now_s = time.monotonic()
                self._awake_s += min(now_s - last_s, 2 * self._tick_s)
                last_s = now_s
                if self._awake_s >= alive_at_s:
                    alive_at_s = self._awake_s + self._alive_s
                    self._report(Alive())
                self._look()
                if self._streams:
                    open_now = list(self._streams.values())
                    self._report(Decoded({name: _how_far(stream) for name, stream in open_now}))
        except OSError:
            if not self._stopped.is_set():
                log.warning("the main process is gone, so this worker stops")
                os.kill(os.getpid(), signal.SIGTERM)

    def _look(self) -> None:
        """Report the calls that last too long. One that gets further may last: few frames may be wanted of many."""
        for thread, call in list(self._calls.items()):
            stream = self._streams.get(thread)
            if stream is not None and stream[1].decoded_s != call.done_s:
                call.awake_s, call.done_s = self._awake_s, stream[1].decoded_s
            seconds = self._awake_s - call.awake_s
            if seconds > self._timeout_s and not call.reported:
                call.reported = True
                self._report(Hung(call.video_id, round(seconds, 1)))


def _how_far(stream: Timed) -> HowFar:
    return HowFar(stream.decoded_s, stream.length_s, is_counting=isinstance(stream, VideoReport))
