"""What runs on the nodes of a Ray cluster: a look at what they see, and the actor that holds a worker.

The worker is the local engine's: a process of its own, since it handles signals and may end at any point.
Its actor passes messages on, many in one answer.
"""

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
from utils.worker.messages import Alive, Decoded, Fatal, Message, Start, WindowsDone
from utils.worker.plan import FeaturePlan, Plan, Task

WAIT_S = 5.0  # that an answer may wait for a message that is worth one
NOT_URGENT = (Alive, Decoded, WindowsDone)  # they wait for others, so that a video costs few answers
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


class RayWorker:
    """An actor: one worker process. `send` and `end` may be called while `receive` waits."""

    def __init__(self) -> None:
        self._handle: WorkerHandle | None = None
        self._sending = threading.Lock()
        self._where = ""

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
        return []

    def send(self, task: Task | None) -> None:
        """Send the worker its next task."""
        if self._handle is not None:
            with self._sending, contextlib.suppress(OSError):  # it has died: `receive` will report that
                self._handle.connection.send(task)

    def receive(self, tasks: Sequence[Task | None] = ()) -> Answer:
        """Send the worker its next tasks, and return what it has sent; wait for a message that is urgent."""
        assert self._handle is not None, "the worker was not started"
        for task in tasks:
            self.send(task)
        connection, messages = self._handle.connection, Answer()
        until_s = time.monotonic() + WAIT_S
        try:
            while len(messages) < MOST and connection.poll(max(0.0, until_s - time.monotonic())):
                message: Message = connection.recv()
                if not isinstance(message, NOT_URGENT):
                    until_s = 0.0
                if isinstance(message, Fatal):
                    message = Fatal(message.exit_code, f"Ray node {host()}: {message.message}")
                messages.append(message)
        except (EOFError, OSError):
            self._handle.process.join()
            messages.append(Gone(cause_of(self._handle.process.exitcode)))
        return messages

    def end(self) -> None:
        """End the worker; by force after a grace period."""
        if self._handle is not None:
            self._handle.process.terminate()
            end_process(self._handle.process)


def _physical(device: str) -> str:
    """Return the device as its machine numbers it: Ray shows a worker its own GPUs alone."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    return f"cuda:{visible}" if device.startswith("cuda") and visible else device
