"""What runs on the nodes of a Ray cluster: a look at what they see, and the actor that holds a worker.

The worker is the local engine's: a process of its own, since it handles signals and may end at any point.
Its actor passes messages on, many in one answer.
"""

import collections
import contextlib
import importlib
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from utils.engines.base import Gone
from utils.engines.local import cause_of, end_process
from utils.engines.spawn import WorkerHandle, WorkerStarter
from utils.errors import FeatmillError, UserError
from utils.storage.folder import folder_at
from utils.storage.processes import host
from utils.weights.pretrained import Needed
from utils.weights.store import exists, locate, sha256_of
from utils.worker.messages import (
    Alive,
    Begun,
    Decoded,
    Fatal,
    Finished,
    Message,
    NextTask,
    Returned,
    Start,
    WindowsDone,
)
from utils.worker.plan import FeaturePlan, Plan, Task

WAIT_S = 5.0  # that an answer may wait for a message that is worth one
NOT_URGENT = (Alive, Begun, Decoded, WindowsDone)  # they wait for others, so that a video costs few answers
MOST = 500  # messages in one answer

Answer = list[Message | Gone]


@dataclass(frozen=True)
class Found:
    """The room that the cluster has found for an actor. node: its id. where: its name, and the device."""

    node: str
    where: str


@dataclass(frozen=True)
class Order:
    """What a node is told.

    folder: of the main process, where relative paths start. needs: checkpoints by feature type and name.
    """

    plan: Plan
    folder: str
    needs: Mapping[str, Mapping[str, Needed]]


def problem_here(order: Order, paths: Sequence[str]) -> str:
    """Return what keeps this node from working; "" if nothing does. Checkpoints that it lacks are fetched.

    paths: of videos that exist for the main process.
    """
    try:
        plan = plan_here(order)
        for path in paths:
            if not Path(path).exists():
                raise UserError(f"{path}: not there; each node must see the videos under the path that the list gives")
        for feature in plan.features:
            _check_weights(feature)
    except (FeatmillError, OSError) as error:
        return str(error)
    return ""


def plan_here(order: Order) -> Plan:
    """Return the plan with this node's checkpoints, fetched where needed, and enter the main process's folder.

    Raises:
        FeatmillError: the outputs are in a folder that this node does not share, or a checkpoint cannot be had.
    """
    with contextlib.suppress(OSError):  # absolute paths need no such folder
        os.chdir(order.folder)
    plan = order.plan
    if plan.format.saves:
        for feature in plan.features:
            _check_output(feature)
    return replace(plan, features=tuple(_with_checkpoints(one, order.needs) for one in plan.features))


def _check_output(feature: FeaturePlan) -> None:
    """Raise UserError unless this is the folder in which the main process has written the run's own file."""
    folder = folder_at(feature.output)
    if folder.size(f"run-{feature.stamp.run}.json") is None:
        raise UserError(
            f"{feature.output}: not the folder that the main process writes to; --output_path must be a folder that "
            "all nodes share, or an address such as s3://BUCKET/FOLDER"
        )
    if folder.local is not None and not os.access(folder.local, os.W_OK):
        raise UserError(f"{feature.output}: no permission to write")


def _with_checkpoints(feature: FeaturePlan, needs: Mapping[str, Mapping[str, Needed]]) -> FeaturePlan:
    found: dict[str, Path | None] = {}
    for name, path in feature.checkpoints.items():
        if path is not None and not exists(path):
            need = needs[feature.feature_type][name]
            path = locate(need.published, need.path, None)
        found[name] = path
    return replace(feature, checkpoints=found)


def _check_weights(feature: FeaturePlan) -> None:
    """Raise UserError if a checkpoint is another one than the main process's."""
    for name, path in feature.checkpoints.items():
        if path is not None and sha256_of(path) != feature.settings["weights"][name]:
            raise UserError(f"{path}: differs from the main process's checkpoint; copy that one, or delete this one")


class _Pace:
    """How fast a worker is while it has anything to do, whatever the main process takes to answer."""

    def __init__(self) -> None:
        self._in_progress: set[str] = set()
        self._n_ended = 0
        self._busy_s = self._since_s = 0.0

    def begun(self, video_id: str) -> None:
        """Note that a video is begun."""
        if not self._in_progress:
            self._since_s = time.monotonic()
        self._in_progress.add(video_id)

    def ended(self, video_id: str) -> None:
        """Note that a feature type of a video has ended: the first stands for all."""
        if video_id in self._in_progress:
            self._in_progress.remove(video_id)
            self._n_ended += 1
            self._busy_s += 0.0 if self._in_progress else time.monotonic() - self._since_s

    @property
    def per_s(self) -> float:
        """Return videos per second."""
        current_s = time.monotonic() - self._since_s if self._in_progress else 0.0
        return self._n_ended / max(1e-3, self._busy_s + current_s)


class RayWorker:
    """An actor: one worker process. `send`, `recall` and `end` may be called while `receive` waits.

    A thread answers the process from the tasks that the actor was given ahead, without the main process.
    """

    def __init__(self) -> None:
        self._handle: WorkerHandle | None = None
        self._where = ""
        self._ahead: collections.deque[Task] = collections.deque()
        self._ask_at = -1  # when so few are ahead, the main process is asked for more
        self._pace = _Pace()
        self._waits = False  # the process waits for its next task
        self._asked = self._over = False  # the main process was asked; it has said that there is no more
        self._messages = Answer()
        self._urgent = False
        self._changed = threading.Condition()

    def place(self, device: str) -> Found:
        """Return where the cluster has found room for this actor."""
        self._where = f"{host()}/{_physical(device)}"
        return Found(importlib.import_module("ray").get_runtime_context().get_node_id(), self._where)

    def start(self, order: Order, device: str) -> Answer:
        """Start the worker."""
        try:
            plan = plan_here(order)
            vars(sys.modules["__main__"]).pop("__file__", None)  # Ray's own, which the process would import
            self._handle = WorkerStarter().take()
            with contextlib.suppress(BrokenPipeError):  # it has died: `receive` will report that
                self._handle.connection.send(Start(plan, device, self._where))
        except (FeatmillError, OSError) as error:
            return [Gone(f"cannot start: {error}")]
        threading.Thread(target=self._pass_on, args=(self._handle,), name="messages", daemon=True).start()
        return []

    def _pass_on(self, handle: WorkerHandle) -> None:
        """Take the messages of the process until it ends: the body of a thread."""
        try:
            while True:
                self._take(handle.connection.recv())
        except (EOFError, OSError):
            handle.process.join()
        with self._changed:
            self._give_back()
            self._report(Gone(cause_of(handle.process.exitcode)))

    def _take(self, message: Message) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._messages) < MOST)
            if isinstance(message, NextTask):
                self._waits = True
                self._feed()
            elif isinstance(message, Fatal):
                self._report(Fatal(message.exit_code, f"Ray node {host()}: {message.message}"))
            else:
                self._report(message)

    def _report(self, message: Message | Gone) -> None:
        """Add a message to the next answer; the condition is held. While tasks are ahead, results can wait."""
        self._messages.append(message)
        if isinstance(message, Finished):
            self._pace.ended(message.line.id)
        can_wait = isinstance(message, NOT_URGENT) or (isinstance(message, Finished) and self._ahead)
        self._urgent = self._urgent or not can_wait
        self._changed.notify_all()

    def _feed(self) -> None:
        """Give the process its next task if it waits for one, and ask for more in time; the condition is held."""
        if self._waits and self._ahead:
            task = self._ahead.popleft()
            self._pace.begun(task.ref.id)
            self._report(Begun(task.ref.id))
            self._send_process(task)
        elif self._waits and self._over:
            self._send_process(None)
        if not (self._asked or self._over) and (self._waits or len(self._ahead) <= self._ask_at):
            self._asked = True
            self._report(NextTask(self._pace.per_s))

    def _send_process(self, task: Task | None) -> None:
        self._waits = False
        if self._handle is not None:
            with contextlib.suppress(OSError):  # it has died: `receive` will report that
                self._handle.connection.send(task)

    def send(self, tasks: Sequence[Task]) -> None:
        """Take tasks, the first of them for a worker that waits; none: there is no more."""
        with self._changed:
            self._ahead.extend(tasks)
            self._ask_at = len(tasks) // 2 if len(tasks) > 1 else -1
            self._asked, self._over = False, not tasks
            self._feed()

    def recall(self) -> None:
        """Give back the tasks that the process has not begun."""
        with self._changed:
            self._give_back()

    def _give_back(self) -> None:
        self._report(Returned(tuple(task.ref.id for task in self._ahead)))
        self._ahead.clear()
        self._ask_at = -1

    def receive(self, batches: Sequence[Sequence[Task]] = ()) -> Answer:
        """Take tasks, and return the messages that have come; wait for one that is urgent."""
        for tasks in batches:
            self.send(tasks)
        with self._changed:
            self._changed.wait_for(lambda: self._urgent or len(self._messages) >= MOST, WAIT_S)
            answer, self._messages, self._urgent = self._messages, Answer(), False
            self._changed.notify_all()
        return answer

    def end(self) -> None:
        """End the worker; by force after a grace period."""
        if self._handle is not None:
            self._handle.process.terminate()
            end_process(self._handle.process)


def _physical(device: str) -> str:
    """Return the device as its machine numbers it: Ray shows a worker its own GPUs alone."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    return f"cuda:{visible}" if device.startswith("cuda") and visible else device
