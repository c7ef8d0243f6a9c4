"""Writing finished videos while the next ones are computed: a disk's fsync, or an upload, stalls no network."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from utils.worker.queues import BoundedQueue, Closed

Item = TypeVar("Item")

WAITING = 16  # finished videos that wait to be written
WAITING_BYTES = 256 << 20  # of their arrays


class Writer:
    """One thread that finishes videos in the order in which they came; a context manager.

    Leaving it waits until all is written; after an error, only for the video in progress.
    """

    def __init__(self) -> None:
        self._queue: BoundedQueue[Callable[[], None]] = BoundedQueue(WAITING, WAITING_BYTES)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="writer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.close(drop=error is not None)
        self._thread.join()
        if error is None:
            self.check()

    def later(self, finish: Callable[[Item], None], n_bytes: Callable[[Item], int]) -> Callable[[Item], None]:
        """Return a function that has `finish` called in the thread; it raises what stopped the thread before.

        n_bytes: how much memory an outcome holds.
        """

        def put(outcome: Item) -> None:
            try:
                self._queue.put(lambda: finish(outcome), n_bytes(outcome))
            except Closed:
                self.check()
                raise

        return put

    def check(self) -> None:
        """Raise what stopped the thread, if anything has."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while (work := self._queue.get()) is not None:
                work()
        except Closed:
            return
        except Exception as error:
            self._error = error
            self._queue.close()
