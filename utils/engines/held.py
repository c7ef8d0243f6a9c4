"""What the main process knows of each worker."""

import time
from dataclasses import dataclass, field

from utils.sinks.manifest_line import Status
from utils.worker.plan import Task


@dataclass
class Held:
    """A video that a worker has, and the feature types that it has not reported yet.

    begun: False while the worker has it ahead, as far as is known.
    """

    task: Task
    left: list[str]
    statuses: list[Status] = field(default_factory=list[Status])
    begun: bool = True


@dataclass
class Worker:
    """A worker, from its start until its process is gone."""

    device: str
    where: str = ""  # node and device; empty until a cluster has found room
    held: dict[str, Held] = field(default_factory=dict[str, Held])
    silent_s: float = 0.0  # since its last message, as far as the main process listened
    hung: str | None = None  # the video that its decoder hangs in
    ready_s: float | None = None  # when its networks were loaded
    asking: bool = False  # waits for a video that it cannot have yet
    alone: bool = False  # retries a video that a worker died with, and gets no other until that is done
    ended: bool = False  # has said that it has no more to do
    busy_per_s: float = 0.0  # videos per second of the time when it had any; 0: not known
    n_ahead: int = 0  # videos that it has and has not begun
    n_finished: int = 0

    @property
    def ready(self) -> bool:
        """Return whether it has loaded its networks."""
        return self.ready_s is not None

    @property
    def n_begun(self) -> int:
        """Return how many videos are in progress."""
        return len(self.held) - self.n_ahead

    @property
    def per_s(self) -> float:
        """Return how many videos it has finished per second."""
        return 0.0 if self.ready_s is None else self.n_finished / max(1e-9, time.monotonic() - self.ready_s)
