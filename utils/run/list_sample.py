"""Looks at a list before a run: how many videos are to do, and how long and how large a random part of them is."""

import time
from dataclasses import dataclass

import numpy as np

from utils.errors import VideoError
from utils.media.limits import Limits
from utils.media.segment import Segment
from utils.run.estimate import ListSizes, sizes
from utils.run.progress import RunProgress
from utils.run.todo import Todo
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef
from utils.worker.plan import Task

SAID_EVERY = 100_000


@dataclass(frozen=True)
class Candidates:
    """The videos of a list that were looked at, in random order. lengths_s, n_bytes: None where not known."""

    listed: ListSizes
    tasks: list[Task]
    lengths_s: list[float | None]
    n_bytes: list[int | None]


def look_at(
    todo: Todo, most: int, most_s: float, limits: Limits, rng: np.random.Generator, progress: RunProgress
) -> Candidates | None:
    """Return a random part of what is to do, None if nothing is.

    todo: without claims. The whole list is read; of `most` videos the headers, as far as `most_s` seconds allow.
    """
    tasks, n_videos = _part(todo, most, rng, progress)
    lengths_s: list[float | None] = []
    n_bytes: list[int | None] = []
    start_s = time.monotonic()
    for task in tasks:
        length_s, size = _length_and_bytes(task.ref, limits)
        lengths_s.append(length_s)
        n_bytes.append(size)
        if time.monotonic() - start_s > most_s:
            break
    if not n_videos:
        return None
    return Candidates(ListSizes(n_videos, sizes(lengths_s, n_bytes)), tasks[: len(lengths_s)], lengths_s, n_bytes)


def _part(todo: Todo, most: int, rng: np.random.Generator, progress: RunProgress) -> tuple[list[Task], int]:
    """Return a random part of the tasks, in random order, and how many there are in all (Vitter's algorithm R)."""
    tasks: list[Task] = []
    n_videos = 0
    while (task := todo.next()) is not None:
        n_videos += 1
        if len(tasks) < most:
            tasks.append(task)
        elif (place := int(rng.integers(n_videos))) < most:
            tasks[place] = task
        if n_videos % SAID_EVERY == 0:
            progress.note(f"reading the list: {n_videos} videos to do so far")
    return [tasks[int(i)] for i in rng.permutation(len(tasks))], n_videos


def _length_and_bytes(ref: VideoRef, limits: Limits) -> tuple[float | None, int | None]:
    """Return the seconds to extract and the bytes to read of a video; 0 seconds where it cannot be opened."""
    from utils.media.probe import probe  # here: no command imports PyAV before it needs it

    n_bytes = fingerprint(ref).bytes
    if ref.refused is not None:
        return 0.0, n_bytes
    try:
        length_s = probe(ref.media, limits).duration_s
    except (VideoError, OSError):
        return 0.0, n_bytes
    part_s = Segment(ref.start_s, ref.end_s).length_s(length_s, limits.max_seconds)
    return part_s, int(n_bytes * part_s / length_s) if n_bytes and length_s and part_s is not None else n_bytes
