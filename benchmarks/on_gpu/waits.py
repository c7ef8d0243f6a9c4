"""What a pipeline's main thread and decode threads spend their time on, by the calls of them that may wait."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, Self
from unittest.mock import patch

import psutil

from utils.extractors.base import Extractor
from utils.media.decode_process import DecodeProcess
from utils.nn.host_copy import HostCopy
from utils.worker import open_frames
from utils.worker.pipeline import Pipeline
from utils.worker.queues import BoundedQueue

MAIN = {  # calls of the main thread, which do not call each other
    "for_frames": (BoundedQueue, "get"),
    "prepare": (Pipeline, "_prepared"),  # launches: the copy, the conversion to RGB, the resize
    "windows": (Pipeline, "_build"),  # launches of flow, too; and of batches that become full, and waits for them
    "launch": (Extractor, "outputs"),  # of those, the network's
    "for_gpu": (HostCopy, "wait"),  # of those
}
DECODING = {  # calls of decode threads
    "for_process": (DecodeProcess, "receive"),
    "pin": (open_frames.ALLOCATE, "cuda"),
    "for_queue": (BoundedQueue, "put"),
}


class Waits:
    """Times the calls while a `with` block runs, which is in the main thread."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._patches = ExitStack()

    def __enter__(self) -> Self:
        for name, (owner, call) in (MAIN | DECODING).items():
            if isinstance(owner, dict):
                self._patches.enter_context(patch.dict(owner, {call: self._timed(name, owner[call])}))
            else:
                self._patches.enter_context(patch.object(owner, call, self._timed(name, getattr(owner, call))))
        psutil.cpu_percent()  # counts from here on
        self._start_s, self._start_cpu_s = time.perf_counter(), time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._wall_s = time.perf_counter() - self._start_s
        self._cpu_s = time.thread_time() - self._start_cpu_s
        self._cores = psutil.cpu_percent()
        self._patches.close()

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def timed(*arguments: Any, **named: Any) -> Any:
            start_s = time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                seconds = time.perf_counter() - start_s
                with self._lock:
                    self._seconds[name] += seconds

        return timed

    def shares(self, n_threads: int) -> dict[str, Any]:
        """Return shares of the block's time, of the main thread and of `n_threads` decode threads.

        main_cpu: that the main thread had a core; what is missing to 1 without the two waits is waiting for the
        interpreter, or for a core. cores_percent: that all cores of the machine were busy.
        """
        main = {name: round(self._seconds[name] / self._wall_s, 3) for name in MAIN}
        decoding = {name: round(self._seconds[name] / self._wall_s / n_threads, 3) for name in DECODING}
        cpu = round(self._cpu_s / self._wall_s, 3)
        return {"main": main, "main_cpu": cpu, "decoding": decoding, "cores_percent": round(self._cores)}
