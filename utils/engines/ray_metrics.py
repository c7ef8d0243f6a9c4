"""What Ray's dashboard and Prometheus learn of a run, through `ray.util.metrics`."""

import collections
import importlib
import time
from collections.abc import Iterable
from typing import Any

from utils.engines.base import Gone
from utils.worker.messages import Finished, Message, WindowsDone

EVERY_S = 5.0  # between two reports: one for each message would slow the main process down


class Metrics:
    """Counts what becomes of a run's videos and workers. output: where the features go, a label of all metrics."""

    def __init__(self, output: str) -> None:
        kinds: Any = importlib.import_module("ray.util.metrics")

        def made(kind: Any, name: str, about: str, *labels: str) -> Any:
            return kind(f"featmill_{name}", about, ("output", *labels)).set_default_tags({"output": output})

        self._videos = made(kinds.Counter, "videos", "feature types of videos that have ended", "status", "device")
        self._windows = made(kinds.Counter, "windows", "windows that came back from networks")
        self._lost = made(kinds.Counter, "workers_lost", "workers that ended, by themselves or not")
        self._workers = made(kinds.Gauge, "workers", "workers that have room in the cluster, or wait for it", "state")
        self._n_videos: collections.Counter[tuple[str, str]] = collections.Counter()
        self._n_windows = self._n_lost = 0
        self._written_s = time.monotonic()

    def count(self, messages: Iterable[Message | Gone]) -> None:
        """Count what is in messages of workers."""
        for message in messages:
            match message:
                case Finished(line):
                    self._n_videos[line.status, line.device] += 1
                case WindowsDone(n):
                    self._n_windows += n
                case Gone():
                    self._n_lost += 1
                case _:
                    pass

    def write(self, n_placed: int, n_waiting: int, *, at_once: bool = False) -> None:
        """Report what was counted, if it is time to."""
        if not at_once and time.monotonic() - self._written_s < EVERY_S:
            return
        self._written_s = time.monotonic()
        for (status, device), n in self._n_videos.items():
            self._videos.inc(n, {"status": status, "device": device})
        for counter, n in ((self._windows, self._n_windows), (self._lost, self._n_lost)):
            if n:
                counter.inc(n)
        self._n_videos.clear()
        self._n_windows = self._n_lost = 0
        self._workers.set(n_placed, {"state": "placed"})
        self._workers.set(n_waiting, {"state": "waiting"})
