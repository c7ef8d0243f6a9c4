"""OutputReader read back, whatever format they are in: to find damaged ones, and for --out."""

from collections import OrderedDict
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol

import numpy as np

from utils.errors import RunError
from utils.sinks import arrays, npz, staging
from utils.sinks.acav import UP, ShardFile
from utils.sinks.h5 import H5File
from utils.sinks.output import Output
from utils.sinks.parquet import ParquetFile
from utils.sinks.webdataset import TarOfFeatures
from utils.storage.folder import Folder

OPEN_FILES = 4  # bound files that are kept open; videos that are neighbours in a list often share one


class MergedFile(Protocol):
    """A file with the features of many videos, open for reading.

    n_bytes: its size, if it is written once; None if it grows.
    """

    n_bytes: int | None

    def holds(self, output: Output) -> bool:
        """Return whether a video's features are in the file."""
        ...

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return a video's features."""
        ...


class OutputReader:
    """Reads what sinks and binders wrote into a folder, as it is when a file is first asked for.

    root: the folder above, where the result files of shards lie.
    """

    def __init__(self, folder: Folder, root: Folder | None = None) -> None:
        self._folder = folder
        self._root = root
        self._open: OrderedDict[str, MergedFile] = OrderedDict()
        self._sizes: dict[str, int | None] = {}  # of bound files that are whole
        self._damaged: set[str] = set()

    def is_readable(self, outputs: Sequence[Output]) -> bool:
        """Return whether every output is there, of the size it was written with, and starts or ends as it must.

        Of an array in a file of one video the header is read. A file of many videos is opened once.
        """
        return all(self._is_readable(output) for output in outputs)

    def _is_readable(self, output: Output) -> bool:
        name = output["file"]
        if name in self._damaged:
            return False
        if self._sizes.get(name) == output["bytes"]:
            return True
        try:
            if "place" in output:
                return self._bound(name).holds(output)
            if self._folder.size(name) != output["bytes"]:
                return False
            return _module(output).is_whole(self._folder, output)
        except staging.DAMAGE:
            if "place" in output:
                self._damaged.add(name)
            return False

    def read(self, outputs: Sequence[Output]) -> dict[str, np.ndarray]:
        """Return a video's arrays, by key.

        Raises:
            RunError: they are damaged or gone.
        """
        found: dict[str, np.ndarray] = {}
        for output in outputs:
            name = output["file"]
            try:
                if "place" in output:
                    found |= self._bound(name).read(output)
                else:
                    found |= _module(output).read(self._folder, output)
            except staging.DAMAGE as error:
                cause = str(error) or type(error).__name__
                raise RunError(
                    f"{self._folder}/{name}: cannot be read ({cause}); run the same command again to make it anew"
                ) from error
        return found

    def _bound(self, name: str) -> MergedFile:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        if name.startswith(UP):
            if self._root is None:
                raise ValueError(f"{name} lies outside the folder, so its own folder must be given")
            opened: MergedFile = ShardFile(self._root, name)
        else:
            opened = BOUND_FILES[name.rpartition(".")[2]](self._folder, name)
        self._open[name] = opened
        self._sizes[name] = opened.n_bytes
        if len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)
        return opened


BOUND_FILES = {"h5": H5File, "parquet": ParquetFile, "tar": TarOfFeatures}


def _module(output: Output) -> ModuleType:
    """Return the module whose is_whole and read know a file of one video."""
    if staging.is_staged(output):
        return staging
    return npz if output["file"].endswith(".npz") else arrays


def is_readable(folder: Folder, outputs: Sequence[Output], root: Folder | None = None) -> bool:
    """Return whether one video's outputs can be read, see `OutputReader`."""
    return OutputReader(folder, root).is_readable(outputs)


def read_outputs(folder: Folder, outputs: Sequence[Output], root: Folder | None = None) -> dict[str, np.ndarray]:
    """Return one video's arrays, see `OutputReader`."""
    return OutputReader(folder, root).read(outputs)
