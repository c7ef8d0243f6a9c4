"""Outputs read back, whatever format they are in: to find damaged ones, and for --out."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from utils.errors import RunError
from utils.sinks import arrays, npz, staging
from utils.sinks.acav import UP
from utils.sinks.formats import FORMATS
from utils.sinks.output import MergedFile, Output, VideoFiles
from utils.storage.folder import Folder

OPEN_FILES = 4  # merged files that are kept open; videos that are neighbours in a list often share one


class OutputReader:
    """Reads what sinks and merging wrote into a folder, as it is when a file is first asked for.

    root: the folder above, where the result files of shards are.
    """

    def __init__(self, folder: Folder, root: Folder | None = None) -> None:
        self._folder = folder
        self._root = root
        self._open: OrderedDict[str, MergedFile] = OrderedDict()
        self._sizes: dict[str, int | None] = {}  # of merged files that are whole
        self._damaged: set[str] = set()

    def is_readable(self, outputs: Sequence[Output]) -> bool:
        """Return whether every output is there, of the size it was written with, and starts or ends as it must.

        Of an array in a file of one video the header is read. A file of many videos is opened once.
        """
        return all(map(self._is_readable, outputs))

    def _is_readable(self, output: Output) -> bool:
        name = output.file
        if name in self._damaged:
            return False
        if self._sizes.get(name) == output.bytes:
            return True
        try:
            if output.place is not None:
                return self._merged(name).holds(output)
            if self._folder.size(name) != output.bytes:
                return False
            return _files(output).is_whole(self._folder, output)
        except staging.DAMAGE:
            if output.place is not None:
                self._damaged.add(name)
            return False

    def read(self, outputs: Sequence[Output]) -> dict[str, np.ndarray]:
        """Return a video's arrays, by key.

        Raises:
            RunError: they are damaged or gone.
        """
        found: dict[str, np.ndarray] = {}
        for output in outputs:
            try:
                if output.place is not None:
                    found |= self._merged(output.file).read(output)
                else:
                    found |= _files(output).read(self._folder, output)
            except staging.DAMAGE as error:
                cause = str(error) or type(error).__name__
                raise RunError(
                    f"{self._folder}/{output.file}: cannot be read ({cause}); run the same command again, which "
                    "extracts it again"
                ) from error
        return found

    def _merged(self, name: str) -> MergedFile:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        folder = self._folder
        if name.startswith(UP):
            if self._root is None:
                raise ValueError(f"{name} is outside the folder, so its own folder must be given")
            folder = self._root
        suffix = f".{name.rpartition('.')[2]}"
        merged = next(each.merged for each in FORMATS.values() if each.merged and each.merged.suffix == suffix)
        self._open[name] = opened = merged.open(folder, name)
        self._sizes[name] = opened.n_bytes
        if len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)
        return opened


def _files(output: Output) -> VideoFiles:
    """Return what reads a file of one video."""
    if staging.is_staged(output):
        return staging
    return npz if output.file.endswith(".npz") else arrays
