"""How much memory and how much of the cores the processes of a run take."""

import collections
import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Self

import psutil

from utils.engines.devices import n_cores
from utils.run.estimate import Usage
from utils.sinks.manifest_line import ManifestLine
from utils.worker.plan import Plan

POLL_S = 0.2


class Meter:
    """Measures, in a thread, the memory and the cores' time of this process and those that it started."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self.begin_s = self.last_s = time.monotonic()
        self._begun = False
        self._cpu_s: dict[int, float] = {}  # by process: those that have ended count, too
        self._before: tuple[float, float] = (0.0, 0.0)
        self._after: tuple[float, float] = (0.0, 0.0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def begin(self) -> None:
        """Begin to count time, if that has not begun."""
        if not self._begun:
            self._begun = True
            self.begin_s = self.last_s = time.monotonic()
            self._before = self._cpu_times()

    @property
    def elapsed_s(self) -> float:
        """Return how long ago it began; 0 before."""
        return time.monotonic() - self.begin_s if self._begun else 0.0

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def usage(self, plan: Plan, lines: Sequence[ManifestLine]) -> Usage:
        """Return what was used between the first video and the last. lines: of the sample."""
        elapsed_s = max(self.last_s - self.begin_s, 1e-3)
        cpu_s, all_s = (after - before for before, after in zip(self._before, self._after, strict=True))
        stages: dict[str, float] = collections.defaultdict(float)
        for line in lines:
            for stage, spent_s in line.seconds.items():
                stages[stage] += spent_s
        others = max(0.0, all_s - cpu_s) / (elapsed_s * (psutil.cpu_count() or 1))
        n = len(plan.devices)
        return Usage(elapsed_s, cpu_s, others, stages, n, n * plan.decode_threads, n_cores())

    def _run(self) -> None:
        while not self._stopped.wait(POLL_S):
            self._after = self._cpu_times()

    def _cpu_times(self) -> tuple[float, float]:
        """Return the seconds of cores of the workers, and of all processes of this machine."""
        n_bytes = 0
        own = psutil.Process()
        for process in (own, *own.children(recursive=True)):
            with contextlib.suppress(psutil.Error), process.oneshot():
                n_bytes += process.memory_info().rss
                times = process.cpu_times()
                self._cpu_s[process.pid] = times.user + times.system
        self.peak_bytes = max(self.peak_bytes, n_bytes)
        machine = psutil.cpu_times()
        return sum(self._cpu_s.values()), sum(machine) - machine.idle - getattr(machine, "iowait", 0.0)
