"""What a worker and the main process tell each other, and the worker's end of their pipe."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple

from utils.sinks.manifest_line import ManifestLine
from utils.worker.plan import Plan, Task


@dataclass(frozen=True)
class Start:
    """To a worker: what to do, on which device. label: of the device, in logs and manifests."""

    plan: Plan
    device: str
    label: str


@dataclass(frozen=True)
class Placed:
    """A cluster has found room for the worker, on this node and device."""

    where: str


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its networks."""


@dataclass(frozen=True)
class NextTask:
    """The worker has a decode thread free; it is answered by a Task, or by None if there is no more.

    per_s: videos per second of the time when it had any, as far as an actor knows it.
    """

    per_s: float = 0.0


@dataclass(frozen=True)
class Begun:
    """The worker has begun a video that it was given ahead."""

    video_id: str


@dataclass(frozen=True)
class Returned:
    """The worker gives back the videos that it was given ahead and has not begun."""

    video_ids: tuple[str, ...]


@dataclass(frozen=True)
class WindowsDone:
    """So many windows came back from a network."""

    n: int


@dataclass(frozen=True)
class Printed:
    """Text for standard output: features or predictions."""

    text: str


@dataclass(frozen=True)
class Warned:
    """A line for the user."""

    text: str


@dataclass(frozen=True)
class Finished:
    """A video and feature type has ended; the line is in the manifest, if there is one."""

    line: ManifestLine


@dataclass(frozen=True)
class Alive:
    """The worker runs; sent every few seconds."""


class HowFar(NamedTuple):
    """How far a video is decoded, or its frames counted before: seconds, and seconds in all (None: not known)."""

    done_s: float
    length_s: float | None
    is_counting: bool = False


@dataclass(frozen=True)
class Decoded:
    """How far videos are, by id."""

    videos: Mapping[str, HowFar]


@dataclass(frozen=True)
class Hung:
    """The decoder has returned nothing for a video for so many seconds."""

    video_id: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """The worker has no more to do, and is about to end."""


@dataclass(frozen=True)
class Fatal:
    """The worker cannot go on: the run stops with this exit code."""

    exit_code: int
    message: str


Message = (
    Placed
    | Ready
    | NextTask
    | Begun
    | Returned
    | WindowsDone
    | Printed
    | Warned
    | Finished
    | Alive
    | Decoded
    | Hung
    | Ended
    | Fatal
)


class MainPipe:
    """The worker's end of the pipe that it shares with the main process alone. Safe to use from many threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._asking = threading.Lock()

    def send(self, message: Message) -> None:
        """Report to the main process. Raises OSError if it is gone."""
        with self._sending:
            self._connection.send(message)

    def next_task(self) -> Task | None:
        """Ask for the next video; None when there is no more, or the main process is gone."""
        with self._asking:
            try:
                self.send(NextTask())
                return self._connection.recv()
            except (EOFError, OSError):
                return None
