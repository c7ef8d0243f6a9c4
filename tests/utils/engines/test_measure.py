"""Estimates against whole runs, by an engine whose videos take a given time of a clock that nothing else moves."""

import time
from collections import deque
from collections.abc import Collection

import numpy as np
import pytest

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines.base import Gone, WorkerId
from utils.engines.devices import choose
from utils.engines.dispatch import Dispatcher
from utils.engines.measure import Drawn, SampleProgress, measure
from utils.run.estimate import NOISE, ListSizes, draw, seconds_of, sizes, total
from utils.run.input_folders import InputFolders
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import Todo
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.sinks.output import Output
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.worker.messages import Decoded, Ended, Finished, HowFar, Message, NextTask, Ready
from utils.worker.plan import FeaturePlan, Plan, Task

RNG = np.random.default_rng(1)
LENGTHS = RNG.lognormal(3, 1.2, 300)
COSTS = 0.5 + 0.05 * LENGTHS * RNG.choice([1, 2], 300)
REFS = [VideoRef(str(i), str(i), f"/absent/{i}.mp4") for i in range(300)]
SIZES = sizes(list(LENGTHS), [None] * 300)
FEATURE = FeaturePlan("tiny", "", Config(), {}, {}, "", RunStamp("tiny"), acav_names("tiny"))
PLAN = Plan(RunConfig(), (FEATURE,), ("cpu",), 1, 2)
START_S = 7.0
STEP_S = 0.5


class PretendingEngine:
    """One worker that decodes two videos ahead, and moves the clock by what each costs."""

    def __init__(self, monkeypatch, fails: Collection[str] = ()):
        self.now_s, self.fails = 100.0, fails
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)

    def resources(self, run):
        return choose(run)

    def check(self, plan, tasks):
        pass

    def start(self, plan, device):
        self.now_s += START_S
        self.plan, self.tasks, self.spent_s = plan, deque(), 0.0
        self.messages: deque[Message | Gone] = deque([Ready(), NextTask()])
        return WorkerId(0)

    def send(self, worker, tasks):
        self.tasks += tasks
        if tasks and len(self.tasks) < 2:
            self.messages.append(NextTask())
        self.over = not tasks

    def recall(self, worker):
        raise AssertionError

    def poll(self, timeout_s):
        if not self.messages and self.tasks:
            self.messages.append(self.progressed(self.tasks[0].ref))
        elif not self.messages and self.over:
            self.messages += [Ended(), Gone("over")]
        elif not self.messages:
            self.now_s += timeout_s
        while self.messages:
            yield WorkerId(0), self.messages.popleft()

    def progressed(self, ref):
        cost_s = 1.0 if ref.id.startswith("warm") else COSTS[int(ref.id)]
        step_s = min(STEP_S, cost_s - self.spent_s)
        self.now_s += step_s
        self.spent_s += step_s
        if self.spent_s < cost_s:
            return Decoded({ref.id: HowFar(self.spent_s, cost_s)})
        self.spent_s = 0.0
        self.tasks.popleft()
        if not self.over and len(self.tasks) < 2:
            self.messages.append(NextTask())
        status = "failed" if ref.id in self.fails else "done"
        found = {"windows": 1, "seconds": {"decode": cost_s, "network": 0.01}}
        outputs = (Output("x", int(1000 * cost_s), {}),)
        line = FEATURE.line(ref, status, f"it is {status}", Fingerprint(), outputs=outputs, **found)
        self.messages.appendleft(Finished(line))
        return Ready()

    def kill(self, worker):
        """Nothing hangs here."""

    def end(self):
        """No process to end."""


def real_s(monkeypatch):
    """Return how long a run of the whole list takes."""
    engine, progress = PretendingEngine(monkeypatch), RunProgress(300, quiet=True)
    todo = Todo(iter(REFS), PLAN.run, PLAN.features, (), None, None)
    results = Results(PLAN, (), todo, InputFolders(()), None, None, progress)
    Dispatcher(PLAN, todo, results, progress, engine).run()
    assert results.totals.videos == 300
    return engine.now_s - 100


def measured(monkeypatch, seed, n=30, limit_s=1e6, fails: Collection[str] = ()):
    chosen = draw(SIZES, n, np.random.default_rng(seed))
    sample = [Drawn(Task(REFS[i], ("tiny",)), SIZES[i], probability) for i, probability in chosen]
    return measure(PLAN, sample, limit_s, PretendingEngine(monkeypatch, fails), SampleProgress(n, quiet=True))


def time_of(found):
    work = total(seconds_of(found.sample, found.usage.elapsed_s), found.sample, ListSizes(300, SIZES), NOISE)
    return work + found.start_s


def test_the_time_of_a_list_of_mixed_lengths(monkeypatch):
    truth, inside = real_s(monkeypatch), 0
    for seed in range(10):
        found = measured(monkeypatch, seed)
        assert found.start_s == pytest.approx(START_S + 1.0, abs=0.1)
        estimate = time_of(found)
        assert estimate.value == pytest.approx(truth, rel=0.2)
        assert estimate.low is not None and estimate.high is not None
        inside += estimate.low <= truth <= estimate.high
    assert inside >= 9


def test_time_is_up(monkeypatch):
    truth = real_s(monkeypatch)
    found = measured(monkeypatch, 3, n=100, limit_s=30)
    assert found.usage.elapsed_s <= 30 * 1.5 + 1.5
    assert len(found.sample) < 60
    estimate = time_of(found)
    assert estimate.low is not None and estimate.high is not None
    assert estimate.low <= truth <= estimate.high
    longest = int(LENGTHS.argmax())
    sample = [Drawn(Task(REFS[longest], ("tiny",)), 1.0, 1.0)]
    progress = SampleProgress(1, quiet=True)
    (one,) = measure(PLAN, sample, 4, PretendingEngine(monkeypatch), progress).sample
    assert one.seconds is None
    assert one.share == pytest.approx(6 / COSTS[longest], rel=0.3)


def test_bytes_and_failures(monkeypatch):
    found = measured(monkeypatch, 0, n=300, fails={"5", "7"})
    assert found.statuses == {"done": 298, "failed": 2}
    assert found.reasons == ["it is failed"] * 2
    n_bytes = total([one.n_bytes for one in found.sample], found.sample, ListSizes(300, SIZES))
    assert n_bytes.low == n_bytes.value == n_bytes.high
    assert COSTS.sum() * 1000 < n_bytes.value < COSTS.sum() * 1000 + 300 * 1000  # with manifest lines
    assert found.peak_bytes > 1 << 20
