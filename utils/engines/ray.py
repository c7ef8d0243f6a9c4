"""Workers on a Ray cluster: an actor each, which holds a worker process and passes its messages on.

Ray places the actors, scales the cluster and notices lost nodes. Tasks and messages cross the network, frames and
features do not: workers read videos and write features themselves.
"""

import collections
import itertools
import os
import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from utils.config.run import RunConfig
from utils.engines import ray_cluster
from utils.engines.base import Gone, WorkerId
from utils.engines.ray_metrics import Metrics
from utils.engines.ray_node import Answer, Found, Order, RayWorker
from utils.errors import RunError
from utils.run.prepare import Resources
from utils.storage.urls import redacted
from utils.weights.pretrained import Needed
from utils.worker.messages import Message, Placed, Ready, Warned
from utils.worker.plan import Plan, Task

NOTE_S = 30.0  # of waiting for room, before it is said
ROOM_S = 600.0  # of waiting for room before the run ends: an autoscaler's node takes minutes
GRACE_S = 8.0  # for workers to end
STARTS = 3  # in a row that may fail on a node; then it gets no more workers


@dataclass
class _Actor:
    """calling: a call has not been answered. tasks: they travel with the next call.

    may_end: it has been ready, or was killed by us, so its end says nothing about its node.
    """

    handle: Any
    device: str
    node: str = ""  # its id, once the cluster has found room
    may_end: bool = False
    calling: bool = True
    tasks: list[Sequence[Task]] = field(default_factory=list[Sequence[Task]])
    started: bool = False


class RayEngine:
    """See `Engine`; a context manager that is connected to the cluster.

    needs: checkpoints by feature type and name. worker_class: of the actors.
    """

    def __init__(
        self, run: RunConfig, needs: Mapping[str, Mapping[str, Needed]], worker_class: type[RayWorker] = RayWorker
    ) -> None:
        self._run = run
        self._worker_class = worker_class
        self._needs = needs
        self._ray = ray_cluster.load()
        self._ids = itertools.count()
        self._actors: dict[WorkerId, _Actor] = {}
        self._waiting: dict[WorkerId, None] = {}  # for room; ordered. Asked at each poll, so not looked for
        self._answers: queue.SimpleQueue[tuple[WorkerId, Future[Answer | Found]]] = queue.SimpleQueue()
        self._order: Any = None  # in the cluster's object store
        self._short_s: float | None = None  # since when too few workers have room
        self._said = False
        self._failed_starts: collections.Counter[str] = collections.Counter()  # in a row, by node
        self._shunned: list[str] = []  # nodes where workers die before they are ready

    def __enter__(self) -> Self:
        """Connect to the cluster."""
        ray_cluster.connect(self._ray, self._run.ray_address)
        self._metrics = Metrics(redacted(self._run.output_path))
        nodes = ray_cluster.nodes_of(self._ray)
        self._share = ray_cluster.share_of(self._run, nodes)
        options = {"num_cpus": self._share.cpus, "num_gpus": self._share.gpus, "max_restarts": 0}
        self._actor_class = self._ray.remote(
            **options, scheduling_strategy="SPREAD", concurrency_groups={"control": 1}
        )(self._worker_class)
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
        others = {"label_selector": {"ray.io/node-id": f"!in({','.join(self._shunned)})"}} if self._shunned else {}
        actor = self._actors[worker] = _Actor(self._actor_class.options(**others).remote(), device)
        self._waiting[worker] = None
        self._ask(worker, actor.handle.place.remote(device))
        return worker

    def _ask(self, worker: WorkerId, ref: Any) -> None:
        """Have `poll` see the answer to a call."""
        answer: Future[Answer | Found] = ref.future()
        answer.add_done_callback(lambda future: self._answers.put((worker, future)))

    def send(self, worker: WorkerId, tasks: Sequence[Task]) -> None:
        """Send a worker its next tasks: with the next call, if none is waiting for an answer."""
        actor = self._actors.get(worker)
        if actor is not None and actor.calling:
            actor.handle.send.options(concurrency_group="control").remote(tasks)
        elif actor is not None:
            actor.tasks.append(tasks)

    def recall(self, worker: WorkerId) -> None:
        """Have a worker give back the tasks that it has not begun."""
        if worker in self._actors:
            self._actors[worker].handle.recall.options(concurrency_group="control").remote()

    def poll(self, timeout_s: float) -> Iterator[tuple[WorkerId, Message | Gone]]:
        """Yield the messages in the answers that have come."""
        n_placed = len(self._actors) - len(self._waiting)
        self._metrics.write(n_placed, len(self._waiting))
        yield from self._without_room(n_placed)
        try:
            answers = [self._answers.get(timeout=timeout_s)]
        except queue.Empty:
            return
        while not self._answers.empty():
            answers.append(self._answers.get())
        for worker, future in answers:
            for message in self._messages(worker, future):
                yield worker, message
            self._call_again(worker)

    def _messages(self, worker: WorkerId, future: Future[Answer | Found]) -> Answer:
        """Return what an answer says."""
        actor = self._actors[worker]
        actor.calling = False
        try:
            answer = future.result()
        except self._ray.exceptions.RayError as error:
            answer = Answer([Gone(ray_cluster.cause_of(error), ray_cluster.is_of_node(self._ray, error))])
        if isinstance(answer, Found):
            actor.node = answer.node
            del self._waiting[worker]
            return [Placed(answer.where)]
        self._metrics.count(answer)
        for message in answer.copy():
            if isinstance(message, Ready):
                actor.may_end = True
                self._failed_starts.pop(actor.node, None)
            elif isinstance(message, Gone):
                del self._actors[worker]
                self._waiting.pop(worker, None)
                self._ray.kill(actor.handle)
                if not actor.may_end:
                    answer[:0] = self._start_failed(actor.node, message.cause)
        return answer

    def _start_failed(self, node: str, cause: str) -> list[Warned]:
        """Give a node no more workers after several have died there; return what is said then.

        Raises:
            RunError: there is no other node.
        """
        alive = {one["NodeID"]: one for one in self._ray.nodes() if one["Alive"]}
        if node not in alive:  # it is lost, or none was found: the constructor has failed
            return []
        self._failed_starts[node] += 1
        if self._failed_starts[node] != STARTS:
            return []
        self._shunned.append(node)
        if not any(self._share.fits(alive[other]["Resources"]) for other in alive.keys() - self._shunned):
            raise RunError(f"workers die while they start, on every node that has room for one ({cause})")
        name = ray_cluster.name_of(alive[node])
        return [Warned(f"{name} gets no more workers: {STARTS} in a row died there before they were ready ({cause})")]

    def _call_again(self, worker: WorkerId) -> None:
        """Make the next call to an actor, with the tasks that it has been given since the last."""
        actor = self._actors.get(worker)
        if actor is None:
            return
        actor.calling = True
        if not actor.started:
            actor.started = True
            self._ask(worker, actor.handle.start.remote(self._order, actor.device))
        else:
            tasks, actor.tasks = actor.tasks, []
            self._ask(worker, actor.handle.receive.remote(tasks))

    def _without_room(self, n_placed: int) -> Iterator[tuple[WorkerId, Warned]]:
        """Say that the cluster has no room for enough workers, and end a run that waits for long.

        Raises:
            RunError: it has waited long enough.
        """
        if not self._waiting or n_placed >= self._run.min_workers:
            self._short_s = None
            return
        self._short_s = self._short_s or time.monotonic()
        waited_s = time.monotonic() - self._short_s
        if waited_s > ROOM_S:
            raise RunError(f"{self._lacking()}; gave up after {ROOM_S:g} s")
        if waited_s > NOTE_S and not self._said:
            self._said = True
            yield next(iter(self._waiting)), Warned(self._lacking())

    def _lacking(self) -> str:
        return ray_cluster.lacking(self._ray, len(self._waiting), self._share)

    def kill(self, worker: WorkerId) -> None:
        """End a worker at once."""
        if worker in self._actors:
            self._actors[worker].may_end = True
            self._ray.kill(self._actors[worker].handle)

    def end(self) -> None:
        """End all workers."""
        handles = [actor.handle for actor in self._actors.values()]
        placed = [actor.handle for actor in self._actors.values() if actor.node]
        ends = [handle.end.options(concurrency_group="control").remote() for handle in placed]
        if ends:
            self._ray.wait(ends, num_returns=len(ends), timeout=GRACE_S)
        for handle in handles:
            self._ray.kill(handle)
        self._actors.clear()
        self._waiting.clear()
        self._metrics.write(0, 0, at_once=True)
