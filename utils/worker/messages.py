"""A worker's end of the pipe that it shares with the main process alone."""

import threading
from multiprocessing.connection import Connection
from typing import Any

from utils.worker.plan import Task


class Link:
    """This worker's end of its own pipe: asks for videos, reports events. Safe to use from many threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._asking = threading.Lock()

    def send(self, kind: str, *content: Any) -> None:
        """Report an event to the main process."""
        with self._sending:
            self._connection.send((kind, *content))

    def next_task(self) -> Task | None:
        """Ask for the next video; None when there is no more, or the main process is gone."""
        with self._asking:
            try:
                self.send("next")
                return self._connection.recv()
            except (EOFError, OSError):
                return None
