"""Extracts a sample of videos as a run does, into a temporary folder, and measures what that takes."""

import collections
import contextlib
import dataclasses
import json
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from utils.engines.base import Engine
from utils.engines.dispatch import Dispatcher
from utils.engines.meter import Meter
from utils.run.estimate import Measured, Usage
from utils.run.input_folders import InputFolders
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import NothingYet, Todo
from utils.sinks.manifest_line import ManifestLine, Status
from utils.sources.ref import VideoRef
from utils.storage.folder import folder_at
from utils.worker.messages import HowFar
from utils.worker.plan import Plan, Task

WARM_UP_S = 5.0  # of a video, before the sample: what a network does only once is part of the start
LAST_VIDEOS = 1.5  # times the limit: when videos that were begun in time are given up


class _TimeIsUpError(Exception):
    """Ends the measurement."""


@dataclass(frozen=True)
class Drawn:
    """A video of the sample, with its size and its probability of being in it."""

    task: Task
    size: float
    probability: float


@dataclass(frozen=True)
class SampleRun:
    """What the measurement of a sample gave.

    start_s: before the first video, from the start of the workers. peak_bytes: of memory, of all processes together.
    reasons: of the videos that failed, were skipped or are partial.
    """

    sample: list[Measured]
    usage: Usage
    start_s: float
    peak_bytes: int
    statuses: collections.Counter[Status]
    reasons: list[str]


def measure(
    plan: Plan, drawn: Sequence[Drawn], limit_s: float, engine: Engine, progress: "SampleProgress"
) -> SampleRun:
    """Extract the drawn videos, those that can be begun within `limit_s` seconds, and return what that took.

    Raises:
        FeatmillError: as in a run. Interrupted: Ctrl-C or SIGTERM.
    """
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="featmill-estimate-") as folder, Meter() as meter, progress:
        plan = _into(plan, folder)
        todo = _SampleTodo(plan, drawn, limit_s, meter)
        results = _SampleResults(plan, (), todo, InputFolders(()), None, None, progress)
        with contextlib.suppress(_TimeIsUpError):
            Dispatcher(plan, todo, results, progress, engine).run()
        meter.stop()
    lines = [line for one in todo.begun for line in todo.lines[one.task.ref.id]]
    begun = len(todo.begun) / len(drawn)
    window_s = _window_s(lines)
    return SampleRun(
        [_measured(one, todo.lines[one.task.ref.id], progress.far, begun, window_s) for one in todo.begun],
        meter.usage(plan, lines),
        meter.begin_s - begin_s,
        meter.peak_bytes,
        collections.Counter(line.status for line in lines),
        [line.reason for line in lines if line.status != "done"],
    )


def _window_s(lines: Sequence[ManifestLine]) -> dict[str, float]:
    """Return the network's seconds per window of each feature type.

    A batch with windows of several videos is in the seconds of one of them alone.
    """
    seconds: dict[str, float] = collections.defaultdict(float)
    n_windows: collections.Counter[str] = collections.Counter()
    for line in lines:
        seconds[line.stamp.feature_type] += line.seconds.get("network", 0.0)
        n_windows[line.stamp.feature_type] += line.windows
    return {name: seconds[name] / max(1, n_windows[name]) for name in seconds}


def _into(plan: Plan, folder: str) -> Plan:
    """Return the plan with all that it writes in another folder, which is made."""
    features = tuple(
        dataclasses.replace(
            feature,
            output=f"{folder}/{feature.feature_type}",
            frames_folder=feature.frames_folder and Path(folder) / "frames" / feature.feature_type,
        )
        for feature in plan.features
    )
    for feature in features:
        folder_at(feature.output).prepare()
    return dataclasses.replace(plan, features=features, run=dataclasses.replace(plan.run, output_path=folder))


def _measured(
    one: Drawn,
    lines: Collection[ManifestLine],
    far: Mapping[str, HowFar],
    begun: float,
    window_s: Mapping[str, float],
) -> Measured:
    """Return what is known of a video. begun: the share of the drawn videos that were begun."""
    probability = one.probability * begun
    if len(lines) < len(one.task.feature_types):
        return Measured(one.size, probability, _share(far.get(one.task.ref.id)))
    seconds: dict[str, float] = collections.defaultdict(float)
    for line in lines:
        network_s = line.windows * window_s[line.stamp.feature_type]
        for stage, spent_s in {**line.seconds, "network": network_s}.items():
            seconds[stage] += spent_s
    n_bytes = sum(output.bytes for line in lines for output in line.outputs)
    n_bytes += sum(len(json.dumps(line.to_json())) + 1 for line in lines)
    return Measured(one.size, probability, 1.0, seconds, n_bytes)


def _share(far: HowFar | None) -> float:
    """Return how much of a video is decoded."""
    return min(1.0, far.done_s / far.length_s) if far and far.length_s and not far.is_counting else 0.0


class SampleProgress(RunProgress):
    """Shows how far the sample is, and remembers how far each video is."""

    def __init__(self, n_videos: int | None, quiet: bool) -> None:
        super().__init__(n_videos, quiet)
        self.far: dict[str, HowFar] = {}

    def show(self, text: str) -> None:
        """Leave features out."""

    def decoded(self, videos: Mapping[str, HowFar]) -> None:
        """Take note of how far videos are, by id."""
        super().decoded(videos)
        self.far.update(videos)


class _SampleTodo(Todo):
    """Hands out a short piece of a video for each worker, and once those are done, the sample."""

    def __init__(self, plan: Plan, drawn: Sequence[Drawn], limit_s: float, meter: "Meter") -> None:
        super().__init__(iter(()), plan.run, plan.features, (), None, None)
        self._waiting = collections.deque(drawn)
        self._limit_s = limit_s
        self._meter = meter
        shortest = min(drawn, key=lambda one: one.size).task
        self._first = collections.deque(_warm_up(shortest, i) for i in range(len(plan.devices)))
        self._first_left = {task.ref.id: len(task.feature_types) for task in self._first}
        self.begun: list[Drawn] = []
        self.lines: dict[str, list[ManifestLine]] = collections.defaultdict(list)

    def next(self) -> Task | None:
        """Return the next video; None if there is no more, or time is up."""
        if self._first:
            return self._first.popleft()
        if any(self._first_left.values()):
            raise NothingYet
        self._meter.begin()
        if not self._waiting or self._meter.elapsed_s > self._limit_s:
            return None
        self.begun.append(self._waiting.popleft())
        return self.begun[-1].task

    def finished(self, feature_type: str, ref: VideoRef) -> None:
        """Note that a feature type of a video has ended."""
        if ref.id in self._first_left:
            self._first_left[ref.id] -= 1
        self._meter.last_s = time.monotonic()

    def is_warm_up(self, ref: VideoRef) -> bool:
        """Return whether it is a piece that comes before the sample."""
        return ref.id in self._first_left

    def check_time(self) -> None:
        """Raise _TimeIsUpError where it is."""
        if self._meter.elapsed_s > LAST_VIDEOS * self._limit_s:
            self._meter.last_s = time.monotonic()
            raise _TimeIsUpError


def _warm_up(task: Task, i: int) -> Task:
    start_s = task.ref.start_s or 0.0
    end_s = start_s + WARM_UP_S if task.ref.end_s is None else min(task.ref.end_s, start_s + WARM_UP_S)
    name = f"warm-up-{i}"
    ref = dataclasses.replace(task.ref, id=name, name=name, start_s=start_s, end_s=end_s)
    return Task(ref, task.feature_types)


class _SampleResults(Results):
    """Keeps the manifest lines of the sample; those of the first pieces are of no interest."""

    _todo: _SampleTodo

    def take(self, line: ManifestLine, ref: VideoRef) -> None:
        """Take one result."""
        if self._todo.is_warm_up(ref):
            self._todo.finished(line.stamp.feature_type, ref)
            return
        self._todo.lines[ref.id].append(line)
        super().take(line, ref)

    def video(self, task: Task, statuses: Sequence[Status]) -> None:
        """Note that all results of a video are in."""
        if not self._todo.is_warm_up(task.ref):
            super().video(task, statuses)

    def tick(self) -> None:
        """Stop where time is up."""
        self._todo.check_time()
