"""The lines of JSON of --json_progress."""

import collections
import contextlib
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from utils.errors import UserError
from utils.sinks.manifest_line import TIME_FORMAT

STATES = ("waiting_for_room", "loading", "working", "waiting_for_videos")  # of workers


@dataclass(frozen=True)
class WorkerState:
    """A worker as the main process sees it. where: node and device; empty: the cluster has no room for it yet."""

    where: str
    ready: bool
    n_videos: int


class JsonProgress:
    """Writes a line now and then. target: True for standard error, or a file that lines are added to.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, target: bool | str) -> None:
        self._file = sys.stderr
        if isinstance(target, str):
            try:
                self._file = Path(target).open("a")  # noqa: SIM115 - for the whole run
            except OSError as error:
                raise UserError(f"--json_progress {target}: cannot be written ({error.strerror})") from error
        self._last_s = time.monotonic()
        self._last = (0, 0)
        self.workers: list[WorkerState] = []
        self.finished_on: collections.Counter[str] = collections.Counter()

    def write(self, videos: dict[str, int | None], windows: int, elapsed_s: float, left_s: float | None) -> None:
        """Write a line. videos: numbers by what became of them, with "finished"."""
        now_s, finished = time.monotonic(), videos["finished"] or 0
        span_s = max(now_s - self._last_s, 1e-3)
        record = {
            "time": time.strftime(TIME_FORMAT),
            "elapsed_s": round(elapsed_s, 1),
            "left_s": left_s,
            "videos": videos,
            "videos_per_s": round((finished - self._last[0]) / span_s, 3),
            "windows": windows,
            "windows_per_s": round((windows - self._last[1]) / span_s, 3),
            "workers": states(self.workers),
            "devices": self._devices(),
        }
        self._last_s, self._last = now_s, (finished, windows)
        with contextlib.suppress(OSError):  # a full disk ends no run for the sake of a dashboard
            print(json.dumps(record), file=self._file, flush=True)

    def _devices(self) -> dict[str, dict[str, int]]:
        """Return workers and videos by node and device."""
        found = {name: {"workers": 0, "in_progress": 0, "finished": n} for name, n in self.finished_on.items()}
        for worker in filter(lambda one: one.where, self.workers):
            each = found.setdefault(worker.where, {"workers": 0, "in_progress": 0, "finished": 0})
            each["workers"] += 1
            each["in_progress"] += worker.n_videos
        return found


def states(workers: Iterable[WorkerState]) -> dict[str, int]:
    """Return how many workers wait for room in the cluster, load their networks, work, or wait for a video."""
    found: dict[str, int] = dict.fromkeys(STATES, 0)
    for worker in workers:
        if worker.ready:
            found["working" if worker.n_videos else "waiting_for_videos"] += 1
        else:
            found["loading" if worker.where else "waiting_for_room"] += 1
    return found
