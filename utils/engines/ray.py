"""Workers on a Ray cluster: an actor each, which holds a worker process and passes its messages on.

Placement, autoscaling and noticing that a node is lost are Ray's. Tasks and messages travel, frames and features never:
workers read videos and write features themselves.
"""

import itertools
import os
import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from utils.config.run import RunConfig
from utils.engines import ray_cluster
from utils.engines.base import Gone, WorkerId
from utils.engines.ray_node import Answer, Order, RayWorker
from utils.errors import RunError
from utils.run.prepare import Resources
from utils.weights.pretrained import Needed
from utils.worker.messages import Message, Warned
from utils.worker.plan import Plan, Task

NOTE_S = 10.0  # of waiting for room, before it is said
ROOM_S = 600.0  # of waiting for room before the run ends: an autoscaler's node takes minutes
GRACE_S = 8.0  # for workers to end


@dataclass
class _Actor:
    handle: Any
    device: str
    placed: bool = False


class RayEngine:
    """See `Engine`; a context manager that is connected to the cluster. needs: checkpoints by feature type and name."""

    def __init__(self, run: RunConfig, needs: Mapping[str, Mapping[str, Needed]]) -> None:
        self._run = run
        self._needs = needs
        self._ray = ray_cluster.load()
        self._ids = itertools.count()
        self._actors: dict[WorkerId, _Actor] = {}
        self._answers: queue.SimpleQueue[tuple[WorkerId, Future[Answer]]] = queue.SimpleQueue()
        self._order: Any = None  # in the cluster's object store
        self._short_s: float | None = None  # since when too few workers have room
        self._said = False

    def __enter__(self) -> Self:
        """Connect to the cluster."""
        ray_cluster.connect(self._ray, self._run.ray_address)
        nodes = ray_cluster.nodes_of(self._ray)
        self._share = ray_cluster.share_of(self._run, nodes)
        options = {"num_cpus": self._share.cpus, "num_gpus": self._share.gpus, "max_restarts": 0}
        self._actor_class = self._ray.remote(
            **options, scheduling_strategy="SPREAD", concurrency_groups={"control": 1}
        )(RayWorker)
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """Disconnect."""
        self._ray.shutdown()

    def resources(self, run: RunConfig) -> tuple[Resources, str]:
        """Return what the workers run on, and a line about it."""
        return ray_cluster.resources(run, self._share, ray_cluster.nodes_of(self._ray))

    def check(self, plan: Plan, tasks: Sequence[Task]) -> None:
        """Raise UserError if a node of the cluster does not see outputs or videos."""
        order = Order(plan, str(Path.cwd()), self._needs)
        self._order = self._ray.put(order)
        paths = [task.ref.path for task in tasks if os.path.exists(task.ref.path)]  # noqa: PTH110 - or an address
        ray_cluster.check_nodes(self._ray, order, paths, self._share)

    def start(self, plan: Plan, device: str) -> WorkerId:
        """Start an actor; the cluster may find room for it later."""
        worker = WorkerId(next(self._ids))
        self._actors[worker] = _Actor(self._actor_class.remote(), device)
        self._ask(worker, self._actors[worker].handle.place.remote())
        return worker

    def _ask(self, worker: WorkerId, ref: Any) -> None:
        """Have `poll` see the answer to a call."""
        answer: Future[Answer] = ref.future()
        answer.add_done_callback(lambda future: self._answers.put((worker, future)))

    def send(self, worker: WorkerId, task: Task | None) -> None:
        """Send a worker its next task."""
        if worker in self._actors:
            self._actors[worker].handle.send.options(concurrency_group="control").remote(task)

    def poll(self, timeout_s: float) -> Iterator[tuple[WorkerId, Message | Gone]]:
        """Yield the messages in the answers that have come."""
        yield from self._without_room()
        try:
            answers = [self._answers.get(timeout=timeout_s)]
        except queue.Empty:
            return
        while not self._answers.empty():
            answers.append(self._answers.get())
        for worker, future in answers:
            for message in self._messages(worker, future):
                yield worker, message

    def _messages(self, worker: WorkerId, future: Future[Answer]) -> Answer:
        """Return what an answer says, and make the next call."""
        actor = self._actors[worker]
        try:
            messages = future.result()
        except self._ray.exceptions.RayError as error:
            messages = Answer([Gone(ray_cluster.cause_of(error))])
        if any(isinstance(message, Gone) for message in messages):
            del self._actors[worker]
            self._ray.kill(actor.handle)
        elif actor.placed:
            self._ask(worker, actor.handle.receive.remote())
        else:
            actor.placed = True
            self._ask(worker, actor.handle.start.remote(self._order, actor.device))
        return messages

    def _without_room(self) -> Iterator[tuple[WorkerId, Warned]]:
        """Say that the cluster has no room for enough workers, and end a run that waits for long.

        Raises:
            RunError: it has waited long enough.
        """
        waiting = [worker for worker, actor in self._actors.items() if not actor.placed]
        n_placed = len(self._actors) - len(waiting)
        if not waiting or n_placed >= self._run.min_workers:
            self._short_s = None
            return
        self._short_s = self._short_s or time.monotonic()
        waited_s = time.monotonic() - self._short_s
        if waited_s > ROOM_S:
            raise RunError(f"{ray_cluster.lacking(self._ray, len(waiting), self._share)}; gave up after {ROOM_S:g} s")
        if waited_s > NOTE_S and not self._said:
            self._said = True
            yield waiting[0], Warned(ray_cluster.lacking(self._ray, len(waiting), self._share))

    def kill(self, worker: WorkerId) -> None:
        """End a worker at once."""
        if worker in self._actors:
            self._ray.kill(self._actors[worker].handle)

    def end(self) -> None:
        """End all workers."""
        handles = [actor.handle for actor in self._actors.values()]
        placed = [actor.handle for actor in self._actors.values() if actor.placed]
        ends = [handle.end.options(concurrency_group="control").remote() for handle in placed]
        if ends:
            self._ray.wait(ends, num_returns=len(ends), timeout=GRACE_S)
        for handle in handles:
            self._ray.kill(handle)
        self._actors.clear()
