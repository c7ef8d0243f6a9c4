"""A worker inside the calling process: networks loaded once, videos taken from an iterator, outcomes yielded.

Networks run in the calling thread. PyTorch's flags are set around each step only, so the caller keeps its own. They
are the whole process's: where sessions run in several threads, one takes a step at a time.
"""

import contextlib
import gc
import logging
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from weakref import WeakSet

import numpy as np
import torch

from utils.errors import RunError
from utils.extractors.registry import load_extractor
from utils.nn.cpu.threads import row_threads_made
from utils.nn.prepare import ComputeMode, check_available
from utils.nn.process_flags import process_flags
from utils.nn.unchanged import unchanged
from utils.worker.decode import Decoders
from utils.worker.events import Job
from utils.worker.forks import avoid_lost_threads
from utils.worker.messages import Alive, Decoded, Hung
from utils.worker.pipeline import IDLE_S, Outcome, Pipeline
from utils.worker.plan import Plan, Task
from utils.worker.row_steps import steps_of, through
from utils.worker.step import STEP
from utils.worker.watchdog import Watchdog

log = logging.getLogger(__name__)

JOIN_S = 5.0  # a decode thread that takes longer to end hangs in a decoder, which nothing but the process's end stops
Report = Alive | Decoded | Hung
Predicted = Callable[[Job, int, tuple[float, float], dict[str, np.ndarray]], None]


class Session:
    """The networks of one feature type on one device, and the videos that go through them.

    plan: with one feature type and one device.

    Raises:
        UserError: PyTorch cannot use the device, the device lacks the precision, or a checkpoint is not of the
            network's layout.
    """

    def __init__(self, plan: Plan) -> None:
        (self._feature,), (device_name,) = plan.features, plan.devices
        self._plan = plan
        self._device = torch.device(device_name)
        check_available(self._device)
        self._compute = ComputeMode(plan.run.precision, plan.run.compile)
        with self._flags(), unchanged(), row_threads_made() as self._row_threads:  # imports change the environment, too
            self._extractor = load_extractor(self._feature.extractor)(
                self._feature.config, self._feature.checkpoints, self._device, self._compute
            )
            self.classes = self._extractor.classes()
        self._running: WeakSet[Outcomes] = WeakSet()
        self._is_closed = False

    def close(self) -> None:
        """End what runs, and free the networks and their threads."""
        self._is_closed = True
        for outcomes in list(self._running):
            outcomes.close()
        with STEP:  # what another thread computes is finished first
            for threads in list(self._row_threads):
                threads.end()
        del self._extractor
        gc.collect()  # some of its objects refer to each other

    def extract(self, tasks: Iterable[Task], ordered: bool, predicted: Predicted) -> "Outcomes":
        """Return the outcome of each task as an iterator; decode threads work ahead. Closing it ends them.

        tasks: taken a few at a time, in the calling thread. ordered: yield in their order, else as they end.
        predicted: called with a window's logits where the configuration asks for predictions.

        Raises:
            RunError: a decoder hangs.
        """
        outcomes = Outcomes(self._extract(tasks, ordered, predicted))
        self._running.add(outcomes)
        return outcomes

    def _extract(self, tasks: Iterable[Task], ordered: bool, predicted: Predicted) -> Generator[Outcome, None, None]:
        if self._is_closed:
            return
        n_threads, batch_size = self._plan.decode_threads, self._plan.run.batch_size or self._extractor.batch_size
        books = _Books(iter(tasks), ordered, n_threads, 2 * (batch_size + n_threads))
        end = through(steps_of(self._plan.run), books.end)
        pipeline = Pipeline(self._extractor, batch_size, None, end, lambda _n: None, predicted, log.warning)
        hung: list[Hung] = []

        def report(message: Report) -> None:
            if isinstance(message, Hung):
                hung.append(message)

        with _watched(report, self._plan.run.video_timeout) as watchdog:
            decoders = Decoders(
                {self._feature.feature_type: self._extractor},
                books.next,
                n_threads,
                limits=self._plan.limits,
                watching=watchdog.watching,
                is_recorded=False,
            )
            events = decoders.events(IDLE_S)
            try:
                books.fill()
                for event in events:
                    if self._is_closed:
                        return
                    if hung:
                        raise RunError(
                            f"{books.label(hung[0].video_id)}: the decoder gave nothing for {hung[0].seconds:g} s "
                            "(video_timeout)"
                        )
                    with self._flags(), torch.inference_mode():
                        pipeline.take(event) if event is not None else pipeline.idle()
                    yield from books.ended()
                    books.fill()
                with self._flags(), torch.inference_mode():
                    pipeline.flush()
                yield from books.ended()
            finally:
                books.close()
                events.close()
                decoders.join(JOIN_S)

    @contextlib.contextmanager
    def _flags(self) -> Generator[None, None, None]:
        avoid_lost_threads()
        with STEP, _on_gpu(self._device), process_flags(self._compute, self._device):
            yield
        torch.set_num_threads(torch.get_num_threads())  # threads of ours have set what new threads of the caller get


@contextlib.contextmanager
def _watched(report: Callable[[Report], None], timeout_s: float) -> Generator[Watchdog, None, None]:
    """Watch decoders inside; the thread has ended when the block has."""
    watchdog = Watchdog(report, timeout_s)
    try:
        with watchdog:
            yield watchdog
    finally:
        watchdog.join()


@contextlib.contextmanager
def _on_gpu(device: torch.device) -> Generator[None, None, None]:
    """Compute inside on this GPU and its default stream: one step reads what another has made, whatever the caller's.

    A CPU has neither.
    """
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.default_stream(device)):
        yield


class Outcomes(Iterator[Outcome]):
    """What a session yields. A thread that asks for the next one waits while another thread closes it."""

    def __init__(self, generator: Generator[Outcome, None, None]) -> None:
        self._generator = generator
        self._lock = threading.RLock()

    def __next__(self) -> Outcome:
        with self._lock:
            return next(self._generator)

    def close(self) -> None:
        """End it. Where another thread computes the next one, that thread ends it: nothing here waits for it."""
        if self._lock.acquire(blocking=False):
            with contextlib.suppress(ValueError):  # it executes in this thread: it asked its caller for a task
                self._generator.close()
            self._lock.release()


class _Books:
    """Which tasks wait for a decode thread, are open, or have ended and not been yielded.

    most_waiting, most_open: how many of them, the first included in the second.
    """

    def __init__(self, tasks: Iterator[Task], ordered: bool, most_waiting: int, most_open: int) -> None:
        self._tasks: Iterator[Task] | None = tasks
        self._ordered = ordered
        self._most_waiting = most_waiting
        self._most_open = most_open
        self._waiting: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._open: dict[str, Task] = {}  # by id, in the order taken
        self._ended: dict[str, Outcome] = {}

    def fill(self) -> None:
        """Take as many tasks as there is room for."""
        while self._tasks and self._waiting.qsize() < self._most_waiting and len(self._open) < self._most_open:
            task = next(self._tasks, None)
            if task is None:
                self._tasks = None
            else:
                self._open[task.ref.id] = task
            self._waiting.put(task)

    def next(self) -> Task | None:
        """Return the next task, for a decode thread; None when there is no more."""
        task = self._waiting.get()
        if task is None:
            self._waiting.put(None)  # for the other threads
        return task

    def close(self) -> None:
        """Give no more tasks."""
        self._tasks = None
        while not self._waiting.empty():
            self._waiting.get()
        self._waiting.put(None)

    def label(self, video_id: str) -> str:
        """Return what messages call an open video."""
        return self._open[video_id].ref.label

    def end(self, outcome: Outcome) -> None:
        """Note the outcome of a task."""
        self._ended[outcome.job.ref.id] = outcome

    def ended(self) -> Iterator[Outcome]:
        """Yield what has ended."""
        while self._ended and (not self._ordered or next(iter(self._open)) in self._ended):
            video_id = next(iter(self._open if self._ordered else self._ended))
            del self._open[video_id]
            yield self._ended.pop(video_id)
