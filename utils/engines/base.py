"""What starts workers and carries messages: the contract that every engine keeps.

The policy (who gets which video, retries, hung workers, stopping) is in dispatch.py, once for all engines.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType, Protocol

from utils.worker.messages import Message
from utils.worker.plan import Plan, Task

WorkerId = NewType("WorkerId", int)


@dataclass(frozen=True)
class Gone:
    """A worker's process has ended, for this cause; the last that is heard of it."""

    cause: str


class Engine(Protocol):
    """Starts workers and carries messages to and from them."""

    def start(self, plan: Plan, device: str) -> WorkerId:
        """Start a worker on a device; its id is used for no other worker."""
        ...

    def send(self, worker: WorkerId, task: Task | None) -> None:
        """Answer a worker that asked for its next task; None: there is no more. Nothing happens if it is gone."""
        ...

    def poll(self, timeout_s: float) -> Iterable[tuple[WorkerId, Message | Gone]]:
        """Return the messages that have come, in order per worker; wait at most `timeout_s` seconds for the first."""
        ...

    def kill(self, worker: WorkerId) -> None:
        """End a worker at once; `poll` then gives `Gone`."""
        ...

    def end(self) -> None:
        """End all workers, those that do not stop by themselves after a grace period by force."""
        ...
