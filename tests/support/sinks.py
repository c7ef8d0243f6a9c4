"""Finished videos for the tests of writers: records, and the manifest lines of their outputs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from utils.sinks.formats import make_sink
from utils.sinks.output import Output
from utils.sinks.record import Record
from utils.sources.ref import VideoRef
from utils.storage.folder import Folder, LocalFolder


def record(
    name: str = "a/clip",
    video_id: str | None = None,
    n_windows: int = 3,
    seed: int = 0,
    size: int = 4,
    keys: tuple[str, ...] = ("rgb",),
    **ref: Any,
) -> Record:
    """Return a video with `n_windows` rows of `size` random numbers per key, 2 s each, one per second."""
    rng = np.random.default_rng(seed)
    arrays = {key: rng.normal(size=(n_windows, size)).astype(np.float32) for key in keys}
    start_s = np.arange(n_windows, dtype=np.float64)
    times = {"fps": np.array(25.0), "timestamps_ms": 1000 * (start_s + 2)}
    video = VideoRef(name if video_id is None else video_id, name, "videos/clip.mp4", **ref)
    return Record(video, arrays | times, list(keys), {"clip_length": 2.0}, start_s, start_s + 2)


def line(of: Record, outputs: list[Output], **more: Any) -> dict[str, Any]:
    """Return the manifest line of a record, as `utils.worker.plan.manifest_line` makes it."""
    about = {"id": of.ref.id, "status": "done", "reason": "", "name": of.ref.name, "meta": dict(of.ref.meta)}
    source = {"path": of.ref.path, "member": of.ref.member, "offset": of.ref.offset}
    windows = len(next(iter(of.arrays.values())))
    return about | {"source": source, "fps": 25.0, "windows": windows, "outputs": outputs, **more}


def part_lines(kind: str, folder: Folder, records: list[Record]) -> list[dict[str, Any]]:
    """Write records as a worker does, and return their manifest lines."""
    return [line(video, make_sink(kind, folder, print).write(video)) for video in records]


class Killed(BaseException):
    """What stands for the end of the process."""


class Dying(LocalFolder):
    """A local folder whose process is killed at the n-th call that changes something, before or after it happens."""

    def __init__(self, path: Path, calls_left: int) -> None:
        super().__init__(path)
        self.calls_left = calls_left

    def _step(self) -> None:
        self.calls_left -= 1
        if self.calls_left < 0:
            raise Killed

    @contextmanager
    def whole(self, name: str) -> Iterator[BinaryIO]:
        """Open a file; killed before, when it is complete but not in place, or after."""
        self._step()
        with super().whole(name) as file:
            yield file
            self._step()
        self._step()

    def append(self, name: str, data: bytes) -> None:
        """Add lines."""
        self._step()
        super().append(name, data)
        self._step()

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._step()
        super().remove(name)
