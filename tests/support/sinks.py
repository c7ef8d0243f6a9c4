"""Finished videos for the tests of writers: records, and the manifest lines of their outputs."""

import importlib.util
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from utils.sinks.formats import FORMATS
from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.sinks.output import Output, Sink
from utils.sinks.readback import OutputReader
from utils.sinks.record import Record
from utils.sinks.staging import remove_staged
from utils.sources.fingerprint import Fingerprint
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
    return Record(video, arrays | times, list(keys), {"clip_length": 2.0}, start_s, start_s + 2, "i3d")


def line(of: Record, outputs: list[Output], feature_type: str = "") -> ManifestLine:
    """Return the manifest line of a record."""
    return ManifestLine(
        id=of.ref.id,
        status="done",
        name=of.ref.name,
        position=of.ref.position,
        source=Fingerprint(of.ref.path, of.ref.member, of.ref.offset),
        meta=of.ref.meta,
        fps=25.0,
        windows=len(next(iter(of.arrays.values()))),
        outputs=tuple(outputs),
        stamp=RunStamp(feature_type),
    )


HAS_LANCE = importlib.util.find_spec("lance") is not None
WRITABLE = [name for name in FORMATS if name != "save_lance" or HAS_LANCE]
MERGED = [name for name in WRITABLE if (each := FORMATS[name].merged) is not None and each.merge is not None]


def make_sink(kind: str, folder: Folder, show: Callable[[str], Any] = print) -> Sink:
    """Return the sink of a format."""
    return FORMATS[kind].make_sink(folder, show, None)


def staged_lines(kind: str, folder: Folder, records: Sequence[Record]) -> list[ManifestLine]:
    """Write records as a worker does, and return their manifest lines."""
    sink = make_sink(kind, folder)
    return [replace(line(video, sink.write(video)), position=place) for place, video in enumerate(records)]


def merge(
    kind: str,
    folder: Folder,
    lines: Sequence[ManifestLine],
    taken: Collection[str] = (),
    kept: Collection[ManifestLine] = (),
) -> list[ManifestLine]:
    """Merge staged videos as the main process does."""
    merged = FORMATS[kind].merged
    assert merged is not None and merged.merge is not None
    return merged.merge(folder, lines, kept, taken)


def merged(
    kind: str,
    folder: Folder,
    records: Sequence[Record],
    taken: Collection[str] = (),
    kept: Collection[ManifestLine] = (),
) -> list[ManifestLine]:
    """Write records, merge them, and remove the staged files; return the new lines."""
    lines = staged_lines(kind, folder, records)
    new = merge(kind, folder, lines, taken, kept)
    remove_staged(folder, [output for each in lines for output in each.outputs])
    return new


def is_readable(folder: Folder, outputs: Sequence[Output], root: Folder | None = None) -> bool:
    """Return whether one video's outputs can be read."""
    return OutputReader(folder, root).is_readable(outputs)


def read_outputs(folder: Folder, outputs: Sequence[Output], root: Folder | None = None) -> dict[str, np.ndarray]:
    """Return one video's arrays."""
    return OutputReader(folder, root).read(outputs)


def samples(path: Path) -> list[dict[str, Any]]:
    """Return what the webdataset library makes of a tar, arrays decoded."""
    from webdataset.compat import WebDataset

    found = WebDataset(f"file:{path}", shardshuffle=False, empty_check=False).decode()
    return list(cast(Iterable[dict[str, Any]], found))


def videos(n: int = 3, **options: Any) -> list[Record]:
    """Return videos with 1, 2, … windows."""
    return [record(f"a/clip{i}", seed=i, n_windows=i + 1, **options) for i in range(n)]


class Killed(BaseException):
    """Raised where the process would be killed."""


class Dying(LocalFolder):
    """A local folder that raises `Killed` after `calls_left` steps: every call that changes a file has several."""

    def __init__(self, path: Path, calls_left: int) -> None:
        super().__init__(path)
        self.calls_left = calls_left

    def _step(self) -> None:
        self.calls_left -= 1
        if self.calls_left < 0:
            raise Killed

    @contextmanager
    def whole(self, name: str) -> Generator[BinaryIO, None, None]:
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
