"""Finished videos that wait, each in a file, to be merged into a file that only one process may write."""

import contextlib
import hashlib
import json
import logging
import re
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import BinaryIO, cast

import numpy as np

from utils.sinks import npz
from utils.sinks.arrays import npy_info
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import ArrayInfo, Output, describe, store
from utils.sinks.record import Record
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json

STAGING = ".featmill/staging/"
STAGED = re.compile(r"\.[a-z]+/(staging|parts)/")  # also as earlier versions named the folders
ARRAYS = "arrays/"
ABOUT = "about"  # JSON: features, facts
DAMAGE = (  # what reading a damaged file raises, whatever its format
    OSError, EOFError, KeyError, ValueError, RuntimeError,
    zipfile.BadZipFile, zlib.error, struct.error, tarfile.TarError,
)  # fmt: skip
IN_MEMORY = 64 << 20  # bytes of a file from an address that are kept in memory; a larger one goes to disk
BLOCK_BYTES = 16 << 20

log = logging.getLogger(__name__)


class StagingSink:
    """Writes each video whole to a file that is named after its id."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write(self, record: Record) -> list[Output]:
        """Write the record, with the times of its windows."""
        arrays = record.timed_arrays
        about = json.dumps({"features": list(record.features), "facts": record.attributes})
        members = {ABOUT: np.frombuffer(about.encode(), np.uint8)}
        members |= {f"{ARRAYS}{key}": array for key, array in arrays.items()}
        stored = store(self._folder, staged_name(record.ref.id), lambda file: npz.save(file, members))
        return [stored.output(describe(arrays))]


def staged_name(video_id: str) -> str:
    """Return the staged file of a video, relative to the output folder."""
    digest = hashlib.sha256(video_id.encode("utf-8", "backslashreplace")).hexdigest()[:32]
    return f"{STAGING}{digest[:2]}/{digest}.npz"


def is_staged(output: Output) -> bool:
    """Return whether an output waits to be merged."""
    return STAGED.match(output.file) is not None


def staged_output(line: ManifestLine) -> Output:
    """Return the one output of a line whose video waits to be merged."""
    (output,) = line.outputs
    return output


class StagedVideo:
    """A staged file, open for reading.

    features: the keys that are the model's outputs. attributes: see `Record`.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        about = parse_json(self.array(ABOUT, "").tobytes())
        self.features: list[str] = about["features"]
        self.attributes: dict[str, float] = about["facts"]
        names = (name.removesuffix(".npy") for name in archive.namelist())
        self.keys = [name.removeprefix(ARRAYS) for name in names if name.startswith(ARRAYS)]

    def array(self, key: str, folder: str = ARRAYS) -> np.ndarray:
        """Return one array."""
        with self._archive.open(f"{folder}{key}.npy") as member:
            return np.lib.format.read_array(member, allow_pickle=False)

    def times(self, key: str) -> np.ndarray | None:
        """Return "start_s" or "end_s" of the windows, float64 [windows], None where rows are not windows."""
        return self.array(key) if key in self.keys else None

    def info(self, key: str) -> ArrayInfo:
        """Return shape and dtype of an array."""
        with self._archive.open(f"{ARRAYS}{key}.npy") as member:
            return npy_info(member)

    def blocks(self, key: str) -> Iterator[np.ndarray]:
        """Yield the rows of an array of one dimension or more in blocks of some MiB."""
        with self._archive.open(f"{ARRAYS}{key}.npy") as member:
            info = npy_info(member)
            shape, dtype = info.shape, np.dtype(info.dtype)
            row_bytes = int(np.prod(shape[1:])) * dtype.itemsize
            n_rows = max(1, BLOCK_BYTES // max(row_bytes, 1))
            for start in range(0, shape[0], n_rows):
                rows = min(n_rows, shape[0] - start)
                yield np.frombuffer(member.read(rows * row_bytes), dtype).reshape(rows, *shape[1:])

    def raw(self, key: str) -> tuple[BinaryIO, int]:
        """Return an array as a stream of the .npy format, and its bytes."""
        name = f"{ARRAYS}{key}.npy"
        return cast(BinaryIO, self._archive.open(name)), self._archive.getinfo(name).file_size


@contextlib.contextmanager
def opened(folder: Folder, output: Output) -> Generator[StagedVideo, None, None]:
    """Open a staged file. Raises OSError where it cannot be read."""
    try:
        with near(folder, output.file) as file, zipfile.ZipFile(file) as archive:
            yield StagedVideo(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise OSError(None, str(error), output.file) from error


def near(folder: Folder, name: str) -> BinaryIO:
    """Return a file for reading at random: itself if it is local, else a copy that is gone once it is closed.

    Raises:
        FileNotFoundError: there is none.
    """
    if folder.local is not None:
        return folder.open(name)
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - the caller closes it
    with folder.open(name) as stream:
        shutil.copyfileobj(stream, copy, 1 << 20)
    copy.seek(0)
    return copy


def intact(folder: Folder, lines: Iterable[ManifestLine]) -> list[ManifestLine]:
    """Return the lines whose staged files can be read to the last byte; warn of the others."""
    return [line for line in lines if _is_intact(folder, line)]


def _is_intact(folder: Folder, line: ManifestLine) -> bool:
    output = staged_output(line)
    try:
        with near(folder, output.file) as file, zipfile.ZipFile(file) as archive:
            broken = archive.testzip()
            if broken is None:
                StagedVideo(archive)
                return True
            cause = f"{broken} has changed"
    except DAMAGE as error:
        cause = str(error) or type(error).__name__
    log.warning("%s: its features are lost (%s); run the same command again", line.id, cause)
    return False


def is_whole(folder: Folder, output: Output) -> bool:
    """Return whether a staged file, whose size is right, has a table of contents with every array in it."""
    return npz.is_whole(folder, output, ARRAYS)


def read(folder: Folder, output: Output) -> dict[str, np.ndarray]:
    """Return all arrays of a staged file."""
    with opened(folder, output) as staged:
        return {key: staged.array(key) for key in output.arrays}


def remove_staged(folder: Folder, outputs: Iterable[Output]) -> None:
    """Remove staged files that have been merged."""
    for output in outputs:
        folder.remove(output.file)


def tidy_staging(folder: Folder) -> None:
    """Remove the staging folders that are empty; only while no worker writes."""
    if folder.local is None:
        return
    root = folder.local / STAGING
    for path in (*root.glob("*"), root):
        with contextlib.suppress(OSError):  # not empty, or not there
            path.rmdir()
