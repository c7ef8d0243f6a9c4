"""How many videos per second the main process of a Ray run hands out, to actors that do nothing with them.

    python -m benchmarks.hand_out --videos 20000 --actors 1 4 16

The engine, the policy and the cluster are real; the actors answer each video at once, without decoding or a network.
The rate is that of a machine which the actors share. The CPU time that the main process takes for a video, and its
main thread, say what a machine of its own gives: no more than one video in the time of the main thread.
"""

import argparse
import collections
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psutil

from benchmarks import record
from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines.base import Gone
from utils.engines.dispatch import Dispatcher
from utils.engines.ray import RayEngine
from utils.engines.ray_node import Answer, Order, RayWorker
from utils.run.input_folders import InputFolders
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import Todo
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.worker.messages import Ended, Finished, NextTask, Ready
from utils.worker.plan import FeaturePlan, Plan, Task

FEATURE = FeaturePlan("none", "", Config(), {}, {}, "", RunStamp("none"), acav_names("none"))


class IdleWorker(RayWorker):
    """An actor that has finished each video as soon as it gets it."""

    def start(self, order: Order, device: str) -> Answer:
        """Ask for the first video."""
        self._tasks: collections.deque[Task | None] = collections.deque()
        self._feature = order.plan.features[0]
        return [Ready(), NextTask()]

    def send(self, task: Task | None) -> None:
        """Take a video."""
        self._tasks.append(task)

    def receive(self, tasks: Sequence[Task | None] = ()) -> Answer:
        """Finish the videos that have come, and ask for the next."""
        self._tasks.extend(tasks)
        while not self._tasks:
            time.sleep(0.0005)
        answer = Answer()
        while self._tasks:
            task = self._tasks.popleft()
            if task is None:
                return [*answer, Ended(), Gone("has no more to do")]
            line = self._feature.line(task.ref, "done", "", Fingerprint(task.ref.path), device=self._where, windows=1)
            answer += [Finished(line), NextTask()]
        return answer

    def end(self) -> None:
        """Nothing is left to end."""


class _TimedTodo(Todo):
    """A list of videos in memory; notes when the first and the last are handed out. refs: of them."""

    def __init__(self, run: RunConfig, n_videos: int) -> None:
        def refs() -> Iterator[VideoRef]:
            for i in range(n_videos):
                yield VideoRef(f"/absent/{i:07d}.mp4", f"{i:07d}", f"/absent/{i:07d}.mp4")

        super().__init__(refs(), run, (FEATURE,), (), None, None)
        self.times_s: list[float] = []
        self.rss: list[int] = []
        self.cpu_s: list[tuple[float, float]] = []  # of the process, and of its main thread

    def next(self) -> Task | None:
        """Return the next video."""
        self.times_s.append(time.perf_counter())
        if len(self.times_s) % 1000 == 0:
            self.rss.append(psutil.Process().memory_info().rss)
            self.cpu_s.append((sum(psutil.Process().cpu_times()[:2]), time.thread_time()))
        return super().next()


def measure(address: str, n_videos: int, n_actors: int) -> dict[str, float]:
    """Return the rate with a number of actors, between the first and the last thousand videos."""
    run = RunConfig(
        feature_type=["none"], engine="ray", ray_address=address, num_workers=n_actors, cpus_per_worker=1, device="cpu"
    )
    with RayEngine(run, {}, IdleWorker) as engine:
        resources, _ = engine.resources(run)
        plan = Plan(run, (FEATURE,), resources.devices, 1, 1)
        todo, progress = _TimedTodo(run, n_videos), RunProgress(n_videos, quiet=True)
        results = Results(plan, (), todo, InputFolders(()), None, None, progress)
        Dispatcher(plan, todo, results, progress, engine).run()
    steady_s = todo.times_s[-1001] - todo.times_s[999]
    counted = 1000 * (len(todo.cpu_s) - 1)
    spent_s = zip(todo.cpu_s[0], todo.cpu_s[-1], strict=True)
    process_us, thread_us = (1e6 * (last - first) / counted for first, last in spent_s)
    return {
        "actors": n_actors,
        "videos_per_s": round((len(todo.times_s) - 2000) / steady_s),
        "process_us_per_video": round(process_us),
        "main_thread_us_per_video": round(thread_us),
        "grown_mib": round((todo.rss[-1] - todo.rss[0]) / 2**20, 1),
    }


def main(arguments: list[str]) -> None:
    """Measure each number of actors, print and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--videos", type=int, default=20_000, help="number of videos, 3000 or more (default: 20000)")
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 4, 16], help="how many (default: 1 4 16)")
    options = parser.parse_args(arguments)
    from ray.cluster_utils import Cluster

    node: Any = {"num_cpus": max(options.actors), "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=node)
    rows = []
    for n_actors in options.actors:
        rows.append(measure(cluster.address, options.videos, n_actors))
        print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    cluster.shutdown()
    record.write("hand-out", {"videos": options.videos, "rows": rows})


if __name__ == "__main__":
    main(sys.argv[1:])
