"""What starts workers and carries messages: the contract that every engine keeps.

The policy (who gets which video, retries, hung workers, stopping) is in dispatch.py, once for all engines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from utils.config.run import RunConfig
from utils.run.prepare import Resources
from utils.worker.messages import Message
from utils.worker.plan import Plan, Task

WorkerId = NewType("WorkerId", int)


@dataclass(frozen=True)
class Gone:
    """A worker's process has ended, for this cause; the last that is heard of it.

    node_lost: with its whole node, for which no video is to blame.
    """

    cause: str
    node_lost: bool = False


class Engine(Protocol):
    """Starts workers and carries messages to and from them."""

    def resources(self, run: RunConfig) -> tuple[Resources, str]:
        """Return what the workers run on, and a line about the choice if the user did not make it.

        Raises:
            UserError: it is not there.
        """
        ...

    def check(self, plan: Plan, tasks: Sequence[Task]) -> None:
        """Have what workers need put where they are, before the first starts. tasks: some of those to come.

        Raises:
            UserError: workers would not see the outputs' folder or the videos.
        """
        ...

    def start(self, plan: Plan, device: str) -> WorkerId:
        """Start a worker on a device; its id is used for no other worker."""
        ...

    def send(self, worker: WorkerId, tasks: Sequence[Task]) -> None:
        """Answer a worker that asked for its next task, and give it others ahead; none: there is no more.

        It says when it begins one that it was given ahead (`Begun`). Nothing happens if it is gone.
        """
        ...

    def recall(self, worker: WorkerId) -> None:
        """Have a worker give back what it was given ahead and has not begun; `poll` then gives `Returned`."""
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
