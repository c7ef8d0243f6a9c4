"""The policy, with an engine whose workers are given by hand."""

from collections import Counter

import pytest

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines import dispatch
from utils.engines.base import Gone, WorkerId
from utils.engines.dispatch import Dispatcher
from utils.run.input_folders import InputFolders
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import Todo
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.worker.messages import Begun, Ended, Finished, NextTask, Placed, Ready, Returned
from utils.worker.plan import FeaturePlan, Plan

FEATURE = FeaturePlan("tiny", "", Config(), {}, {}, "", RunStamp("tiny"), acav_names("tiny"))
SLOW, FAST = 0, 1


class Workers:
    """The first finishes a video at every sixth poll, the others at each. They ask for two videos at once.

    lost_at: the poll at which the first is lost with its node, holding two videos.
    room_at: the poll at which there is room for the second.
    """

    def __init__(self, lost_at=None, room_at=0):
        self.lost_at, self.room_at = lost_at, room_at
        self.held, self.ahead, self.asking = {}, {}, {}
        self.n_recalls = 0
        self.n_finished = Counter()
        self.most_ahead = 0
        self.over = set()
        self.messages = []
        self.turn = 0
        self.left_to_slow = None  # videos, once the fast one has nothing more

    def resources(self, run):
        raise NotImplementedError

    def check(self, plan, tasks):
        pass

    def start(self, plan, device):
        worker = WorkerId(len(self.asking))
        self.held[worker], self.ahead[worker], self.asking[worker] = [], [], True
        if worker != FAST:
            self.place(worker)
        return worker

    def place(self, worker):
        self.messages += [(worker, Placed(f"node{worker}/cpu")), (worker, Ready()), (worker, NextTask())]

    def send(self, worker, tasks):
        self.asking[worker] = False
        if not tasks:
            self.over.add(worker)
        self.ahead[worker] += tasks
        self.begin(worker)

    def recall(self, worker):
        self.messages.append((worker, Returned(tuple(task.ref.id for task in self.ahead[worker]))))
        self.ahead[worker].clear()
        self.n_recalls += 1

    def poll(self, timeout_s):
        self.turn += 1
        if self.turn == self.lost_at:
            assert len(self.held.pop(SLOW)) == 2
            self.ahead[SLOW].clear()
            self.messages.append((SLOW, Gone("was lost (its node has died)", node_lost=True)))
        if self.turn == max(1, self.room_at):
            self.place(FAST)
        for worker in self.held:
            self.step(worker)
        messages, self.messages = self.messages, []
        yield from messages
        if self.left_to_slow is None and not self.held[FAST]:
            self.left_to_slow = len(self.held.get(SLOW, ()))

    def begin(self, worker):
        held, ahead = self.held[worker], self.ahead[worker]
        while len(held) < 2 and ahead:
            held.append(ahead.pop(0))
            self.messages.append((worker, Begun(held[-1].ref.id)))

    def step(self, worker):
        held = self.held[worker]
        if held and self.turn % (6 if worker == SLOW else 1) == 0:
            self.n_finished[worker] += 1
            self.messages.append((worker, Finished(FEATURE.line(held.pop(0).ref, "done", "", Fingerprint("")))))
        ahead = self.ahead[worker]
        self.most_ahead = max(self.most_ahead, len(ahead))
        self.begin(worker)
        if worker in self.over and not held:
            self.messages += [(worker, Ended()), (worker, Gone(""))]
            self.over.discard(worker)
            self.asking[worker] = True  # for ever
        elif len(held) < 2 and not self.asking[worker] and worker not in self.over:
            self.asking[worker] = True
            self.messages.append((worker, NextTask(per_s=9.0)))

    def kill(self, worker):
        raise AssertionError

    def end(self):
        pass


def work(workers, **flags):
    """Have two workers process sixty videos; return what came of those."""
    run = RunConfig(feature_type=["tiny"], **flags)
    plan = Plan(run, (FEATURE,), ("cpu", "cpu"), 1, 2)
    refs = iter([VideoRef(str(i), str(i), f"/absent/{i}.mp4") for i in range(60)])
    todo, progress = Todo(refs, run, (FEATURE,), (), None, None), RunProgress(60, quiet=True)
    results = Results(plan, (), todo, InputFolders(()), None, None, progress)
    Dispatcher(plan, todo, results, progress, workers).run()
    return results.totals.counts


@pytest.mark.parametrize(("engine", "left"), [("ray", 1), ("local", 2)])
def test_a_slow_node_keeps_the_end_waiting_for_one_video(monkeypatch, engine, left):
    monkeypatch.setattr(dispatch, "TICK_S", 0.0)
    workers = Workers()
    assert work(workers, engine=engine)["done"] == 60
    assert workers.left_to_slow == left
    assert (workers.most_ahead > 1, workers.n_recalls > 0) == (engine == "ray", engine == "ray")


def test_a_node_that_joins_late_takes_and_finishes_its_part():
    workers = Workers(room_at=100)
    assert work(workers, engine="ray")["done"] == 60
    assert workers.n_finished[SLOW] < 30 < workers.n_finished[FAST] and workers.turn < 160


def test_videos_of_a_lost_node_are_tried_elsewhere_whatever_the_number_of_retries(capsys):
    assert work(Workers(lost_at=4), engine="ray", max_retries=0)["done"] == 60
    assert "node0/cpu was lost (its node has died); its videos are tried elsewhere" in capsys.readouterr().err
