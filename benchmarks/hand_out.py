"""How many videos per second the main process of a Ray run hands out, and how much of the devices' time it uses.

    python -m benchmarks.hand_out --actors 8 64 1000 --pause_s 0.5 --seconds 30
    python -m benchmarks.hand_out --actors 64 --pause_s 0.001 --videos 1000000

The engine, the policy and the cluster are real, and so is each call to an actor. The actors' devices sleep `--pause_s`
for each video; many actors share a process, since a machine holds few processes, and videos' features are not
written. `--claims` adds the claims of a run with an output folder. The rate is that of a machine which the actors
share. The CPU time that the main process takes for a video, and its main thread, say what a machine of its own gives.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import importlib
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks import record
from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines import ray_node
from utils.engines.base import Gone, WorkerId
from utils.engines.dispatch import Dispatcher
from utils.engines.ray import RayEngine
from utils.engines.ray_node import Answer, Found, Order, RayWorker
from utils.run.input_folders import InputFolders
from utils.run.output_state import OutputState, look_up
from utils.run.progress import RunProgress
from utils.run.results import Results
from utils.run.todo import Todo
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import RunStamp
from utils.sources.fingerprint import Fingerprint
from utils.sources.ref import VideoRef
from utils.state.claims import Claims
from utils.storage.folder import folder_at
from utils.worker.messages import Ended, Finished, Message, NextTask, Ready
from utils.worker.plan import FeaturePlan, Plan, Task

EVERY = 100  # videos between two looks at the CPU time
FEATURE = FeaturePlan("none", "", Config(), {}, {}, "", RunStamp("none"), acav_names("none"))


class Host:
    """Many actors in one process, each with a device that sleeps. seat: the number of one."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._seats: dict[int, _Seat] = {}

    async def place(self, seat: int, device: str) -> Found:
        """Return where this is."""
        return Found(importlib.import_module("ray").get_runtime_context().get_node_id(), f"host/{device}")

    async def start(self, seat: int, order: Order, device: str) -> Answer:
        """Start the device."""
        self._seats[seat] = _Seat(self._pause_s, order.plan.features[0])
        self._seats[seat].work = asyncio.create_task(self._seats[seat].run())
        return []

    async def send(self, seat: int, tasks: Sequence[Task]) -> None:
        """Take videos."""
        self._seats[seat].send(tasks)

    async def recall(self, seat: int) -> None:
        """Give back what has not begun."""
        self._seats[seat].recall()

    async def receive(self, seat: int, batches: Sequence[Sequence[Task]] = ()) -> Answer:
        """Take videos, and return the messages that have come."""
        for tasks in batches:
            self._seats[seat].send(tasks)
        return await self._seats[seat].answer()

    async def end(self, seat: int) -> None:
        """End the device."""
        self._seats[seat].work.cancel()


class _Seat(RayWorker):
    """An actor's rules of what to answer when, with a sleeping device in place of a process. feature: of its lines."""

    def __init__(self, pause_s: float, feature: FeaturePlan) -> None:
        super().__init__()
        self._pause_s, self._feature = pause_s, feature
        self._next: asyncio.Queue[Task | None] = asyncio.Queue()
        self._told = asyncio.Event()
        self.work: asyncio.Task[None]

    async def run(self) -> None:
        """Do one video after the other; the next is there before one has ended, as decoded videos are."""
        for message in (Ready(), NextTask()):
            self._take(message)
        due_s = time.perf_counter()
        while (task := await self._next.get()) is not None:
            self._take(NextTask())
            due_s = max(due_s, time.perf_counter() - self._pause_s) + self._pause_s
            await asyncio.sleep(due_s - time.perf_counter())
            line = self._feature.line(task.ref, "done", "", Fingerprint(task.ref.path), device="host/cpu", windows=1)
            self._take(Finished(line))
        self._take(Ended())
        self._report(Gone("has no more to do"))

    def _report(self, message: Message | Gone) -> None:
        with self._changed:
            super()._report(message)
        if self._urgent:
            self._told.set()

    def _send_process(self, task: Task | None) -> None:
        self._waits = False
        self._next.put_nowait(task)

    async def answer(self) -> Answer:
        """Return the messages, once one is urgent."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), ray_node.WAIT_S)
        self._told.clear()
        answer, self._messages, self._urgent = self._messages, Answer(), False
        return answer


class _Handle:
    """One of the actors of a `Host`, as an engine sees it."""

    def __init__(self, host: Any, seat: int) -> None:
        self._host, self._seat = host, seat

    def __getattr__(self, name: str) -> Any:
        method, seat = getattr(self._host, name), self._seat

        class Method:
            @staticmethod
            def remote(*arguments: Any) -> Any:
                return method.remote(seat, *arguments)

            @staticmethod
            def options(**_: Any) -> Any:
                return Method

        return Method


class _Hosts:
    """The processes of `Host`, in the place of the class of actors, and of Ray where actors are ended."""

    def __init__(self, ray: Any, n_processes: int, per_process: int, pause_s: float) -> None:
        made = ray.remote(num_cpus=0, max_concurrency=4 * per_process)(Host)
        self._ray, self._per_process, self._seats = ray, per_process, itertools.count()
        self._hosts = [made.remote(pause_s) for _ in range(n_processes)]

    def options(self, **_: Any) -> Self:
        """Return this."""
        return self

    def remote(self) -> _Handle:
        """Return the next actor."""
        seat = next(self._seats)
        return _Handle(self._hosts[seat // self._per_process], seat)

    def kill(self, _handle: _Handle) -> None:
        """Other actors share the process."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ray, name)


class HostsEngine(RayEngine):
    """The engine, with `per_process` actors to a process. pause_s: of the devices, for each video.

    ready_s: when the last actor was ready. ended_s: when the last video was done. n_done: between. marks: after each
    EVERY of them, the clock, the CPU seconds of this process and its main thread, and how many calls were made.
    """

    def __init__(self, run: RunConfig, pause_s: float, per_process: int) -> None:
        super().__init__(run, {})
        self._pause_s, self._per_process = pause_s, per_process
        self.ready_s = self.ended_s = 0.0
        self.n_done = self._n_ready = self._n_calls = 0
        self.marks: list[tuple[float, float, float, int]] = []

    def __enter__(self) -> Self:
        """Connect, and start the processes."""
        super().__enter__()
        n_processes = -(-(self._run.num_workers or 1) // self._per_process)
        self._ray = self._actor_class = _Hosts(self._ray, n_processes, self._per_process, self._pause_s)
        return self

    def check(self, plan: Plan, tasks: Sequence[Task]) -> None:
        """Nothing is read or written."""
        self._order = self._ray.put(Order(plan, str(Path.cwd()), {}))

    def poll(self, timeout_s: float) -> Iterator[tuple[WorkerId, Message | Gone]]:
        """Yield the messages, and note when all actors are ready and how much they do from then on."""
        for worker, message in super().poll(timeout_s):
            if isinstance(message, Ready):
                self._n_ready += 1
                self.ready_s = time.perf_counter()
            elif isinstance(message, Finished) and self._n_ready == self._run.num_workers:
                self.n_done += 1
                self.ended_s = time.perf_counter()
                if self.n_done % EVERY == 0:
                    self.marks.append((time.perf_counter(), time.process_time(), time.thread_time(), self._n_calls))
            yield worker, message

    def _call_again(self, worker: WorkerId) -> None:
        self._n_calls += 1
        super()._call_again(worker)


@contextlib.contextmanager
def _books(run: RunConfig, with_folder: bool) -> Iterator[tuple[FeaturePlan, Claims | None, list[OutputState]]]:
    """Yield what a run notes about its videos, in an output folder if there is one."""
    if not with_folder:
        yield FEATURE, None, []
        return
    with tempfile.TemporaryDirectory() as path:
        feature, folder = dataclasses.replace(FEATURE, output=path), folder_at(path)
        folder.prepare()
        with Claims(folder) as claims:
            yield feature, claims, look_up(Plan(run, (feature,), ("cpu",), 1, 1), folder)


def measure(address: str, options: argparse.Namespace, n_actors: int) -> dict[str, float]:
    """Return the figures with a number of actors."""
    run = RunConfig(
        feature_type=["none"], engine="ray", ray_address=address, num_workers=n_actors, cpus_per_worker=1, device="cpu",
        on_extraction="save_numpy" if options.claims else "print",
    )  # fmt: skip
    rss_mib = [psutil.Process().memory_info().rss / 2**20]
    with (
        HostsEngine(run, options.pause_s, options.per_process) as engine,
        _books(run, options.claims) as (feature, claims, states),
    ):
        plan = Plan(run, (feature,), ("cpu",) * n_actors, 1, 1)
        n_videos = options.videos or round(n_actors * options.seconds / options.pause_s)
        refs = (VideoRef(f"/absent/{i:07d}.mp4", f"{i:07d}", f"/absent/{i:07d}.mp4") for i in range(n_videos))
        todo = Todo(refs, run, (feature,), states, claims, None)
        progress = RunProgress(n_videos, quiet=True)
        results = Results(plan, states, todo, InputFolders(()), claims, None, progress)
        Dispatcher(plan, todo, results, progress, engine).run()
        rss_mib.append(psutil.Process().memory_info().rss / 2**20)
    n = EVERY * (len(engine.marks) - 1)
    first, last = engine.marks[0], engine.marks[-1]
    wall_s, process_s, thread_s, n_calls = (after - before for before, after in zip(first, last, strict=True))
    return {
        "actors": n_actors,
        "videos": n_videos,
        "videos_per_s": round(n / wall_s, 1),
        "efficiency": round(engine.n_done * options.pause_s / (n_actors * (engine.ended_s - engine.ready_s)), 3),
        "process_us_per_video": round(1e6 * process_s / n),
        "main_thread_us_per_video": round(1e6 * thread_s / n),
        "videos_per_call": round(n / n_calls, 1),
        "grown_mib": round(rss_mib[1] - rss_mib[0], 1),
    }


def main(arguments: list[str]) -> None:
    """Measure each number of actors, print and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--actors", type=int, nargs="+", default=[8, 64, 1000], help="how many (default: 8 64 1000)")
    parser.add_argument("--per_process", type=int, default=250, help="actors that share a process (default: 250)")
    parser.add_argument("--pause_s", type=float, default=0.5, help="of a device for each video (default: 0.5)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of work for each actor (default: 30)")
    parser.add_argument("--videos", type=int, default=0, help="in their place, the number of videos of each run")
    parser.add_argument("--claims", action="store_true", help="claim each video, in an output folder")
    options = parser.parse_args(arguments)
    from ray.cluster_utils import Cluster

    node: Any = {"num_cpus": max(options.actors), "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=node)
    rows = []
    for n_actors in options.actors:
        rows.append(measure(cluster.address, options, n_actors))
        print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    cluster.shutdown()
    name = "hand-out-claims" if options.claims else "hand-out"
    record.write(name, {"pause_s": options.pause_s, "per_process": options.per_process, "rows": rows})


if __name__ == "__main__":
    main(sys.argv[1:])
