"""The policy, with an engine whose workers are given by hand."""

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
from utils.worker.messages import Ended, Finished, NextTask, Placed, Ready
from utils.worker.plan import FeaturePlan, Plan

FEATURE = FeaturePlan("tiny", "", Config(), {}, {}, "", RunStamp("tiny"), acav_names("tiny"))
SLOW, FAST = 0, 1


class TwoWorkers:
    """A fast worker finishes a video at each poll, a slow one at every sixth. Both ask for two videos at once."""

    def __init__(self):
        self.held = {SLOW: [], FAST: []}
        self.asking = {SLOW: True, FAST: True}
        self.over = set()
        self.messages = []
        self.turn = 0
        self.at_the_end = {}

    def resources(self, run):
        raise NotImplementedError

    def check(self, plan, tasks):
        pass

    def start(self, plan, device):
        worker = WorkerId(len(self.messages) // 3)
        self.messages += [(worker, Placed(f"node{worker}/cpu")), (worker, Ready()), (worker, NextTask())]
        return worker

    def send(self, worker, task):
        self.asking[worker] = False
        if task is None:
            self.over.add(worker)
        else:
            self.held[worker].append(task)

    def poll(self, timeout_s):
        self.turn += 1
        for worker, pace in ((SLOW, 6), (FAST, 1)):
            if self.held[worker] and self.turn % pace == 0:
                line = FEATURE.line(self.held[worker].pop(0).ref, "done", "", Fingerprint(""))
                self.messages.append((worker, Finished(line)))
            if worker in self.over and not self.held[worker]:
                self.messages += [(worker, Ended()), (worker, Gone(""))]
                self.over.discard(worker)
                self.asking[worker] = True  # for ever
            elif len(self.held[worker]) < 2 and not self.asking[worker] and worker not in self.over:
                self.asking[worker] = True
                self.messages.append((worker, NextTask()))
        messages, self.messages = self.messages, []
        yield from messages
        if not self.held[FAST] and not self.at_the_end:
            self.at_the_end = {worker: len(held) for worker, held in self.held.items()}

    def kill(self, worker):
        raise AssertionError

    def end(self):
        pass


@pytest.mark.parametrize(("engine", "left"), [("ray", 1), ("local", 2)])
def test_a_slow_node_keeps_the_end_waiting_for_one_video(monkeypatch, engine, left):
    monkeypatch.setattr(dispatch, "TICK_S", 0.0)
    workers = TwoWorkers()
    run = RunConfig(feature_type=["tiny"], engine=engine)
    plan = Plan(run, (FEATURE,), ("cpu", "cpu"), 1, 2)
    refs = iter([VideoRef(str(i), str(i), f"/absent/{i}.mp4") for i in range(60)])
    todo, progress = Todo(refs, run, (FEATURE,), (), None, None), RunProgress(60, quiet=True)
    results = Results(plan, (), todo, InputFolders(()), None, None, progress)
    Dispatcher(plan, todo, results, progress, workers).run()
    assert results.totals.counts["done"] == 60
    assert workers.at_the_end[SLOW] == left
