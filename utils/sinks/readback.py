"""Outputs read back, whatever format they are in: to find damaged ones, and for --out."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from utils.errors import RunError
from utils.sinks import arrays, npz, staging, top_classes
from utils.sinks.formats import FORMATS
from utils.sinks.output import UP, MergedFile, Output, VideoFiles, features_in, measure
from utils.sinks.rewritten import FileState, is_as_left, is_damaged, noted
from utils.storage.files import cause_of, may_pass
from utils.storage.folder import Folder

OPEN_FILES = 4  # merged files that are kept open; videos that are neighbours in a list often share one


class OutputReader:
    """Reads what sinks and merging wrote into a folder, as it is when a file is first asked for.

    root: the folder above, where the result files of shards are.
    verify: read all of every file before it is trusted; else only where it may have changed since it was written.
    """

    def __init__(self, folder: Folder, root: Folder | None = None, verify: bool = False) -> None:
        self._folder = folder
        self._root = root
        self._verify = verify
        self._open: OrderedDict[str, MergedFile] = OrderedDict()
        self._opening = threading.Lock()  # threads ask for several videos at once
        self._sizes: dict[str, int | None] = {}  # of merged files that are whole
        self._damaged: set[str] = set()
        self._trusted: dict[str, bool] = {}  # of files that grow

    def is_readable(self, outputs: Sequence[Output]) -> bool:
        """Return whether every output is there and undamaged.

        A file that was modified since it was written is read and compared with its checksum, any other is trusted by
        its size and its header. A file of many videos is opened, and read, once.
        """
        return all(map(self._is_readable, outputs))

    def has_classes(self, file: str) -> bool:
        """Return whether the file of a video's best classes is there, and whole."""
        return top_classes.is_whole(self._folder, file)

    def _is_readable(self, output: Output) -> bool:
        name = output.file
        if name in self._damaged:
            return False
        if self._sizes.get(name) == output.bytes:
            return True
        try:
            if output.place is not None:
                with self._opening:
                    return self._holds(output)
            if self._folder.size(name) != output.bytes or self._is_changed(self._folder, output):
                return False
            return _files(output).is_whole(self._folder, output)
        except staging.DAMAGE as error:
            if output.place is not None:
                if may_pass(error):  # all videos in the file would be extracted again
                    raise self._unreadable(output, error, "run the same command again to resume") from error
                self._damaged.add(name)
            return False

    def _holds(self, output: Output) -> bool:
        """Return whether a file of many videos has this one, undamaged."""
        file = self._merged(output)
        if not file.holds(output):
            return False
        return output.crc32 is None or self._is_trusted(output.file) or file.is_intact(output)

    def _is_trusted(self, name: str) -> bool:
        """Return whether a file that grows is as the last merge left it."""
        if name not in self._trusted:
            self._trusted[name] = is_as_left(*self._place(name), self._verify)
        return self._trusted[name]

    def _is_damaged(self, name: str) -> bool:
        """Return whether a file that grows differs from what the last merge left, where that is known to the byte."""
        return not self._is_trusted(name) and is_damaged(*self._place(name))

    def _is_changed(self, folder: Folder, output: Output) -> bool:
        """Return whether a file that is written once differs from what was written."""
        if output.crc32 is None:
            return False
        mtime_ns = folder.mtime_ns(output.file)
        written = FileState(output.bytes, output.mtime_ns, output.crc32)
        if not self._verify and written.mtime_ns == mtime_ns:
            return False
        rewritten = noted(folder, output.file)
        if not self._verify and rewritten is not None and rewritten.mtime_ns == mtime_ns:
            return False
        with folder.open(output.file) as file:
            found = measure(file)
        return all(state is None or (state.bytes, state.crc32) != found for state in (written, rewritten))

    def _place(self, name: str) -> tuple[Folder, str]:
        """Return the folder of a file, and its name there."""
        if not name.startswith(UP):
            return self._folder, name
        if self._root is None:
            raise ValueError(f"{name} is outside the folder, so its own folder must be given")
        return self._root, name.removeprefix(UP)

    def read(self, outputs: Sequence[Output]) -> dict[str, np.ndarray]:
        """Return a video's arrays, by key.

        Raises:
            RunError: they are damaged or gone.
        """
        found: dict[str, np.ndarray] = {}
        crops: dict[str, list[np.ndarray]] = {}
        for output in outputs:
            try:
                if output.place is not None:
                    arrays = self._merged(output).read(output)
                else:
                    arrays = _files(output).read(self._folder, output)
            except staging.DAMAGE as error:
                remedy = "run the same command again with --verify, which extracts again what is damaged"
                raise self._unreadable(output, error, remedy) from error
            if output.as_columns:
                arrays |= {key: arrays[key].T for key in features_in(arrays) if arrays[key].ndim == 2}
            found |= arrays
            for key in features_in(arrays) if output.crop is not None else ():
                crops.setdefault(key, []).append(arrays[key])
        return found | {key: np.stack(views, axis=1) for key, views in crops.items()}

    def close_files(self) -> None:
        """Close the files of many videos; the next read opens them again."""
        self._open.clear()  # what reads one in another thread keeps it open until it has read

    def _unreadable(self, output: Output, error: Exception, remedy: str) -> RunError:
        cause = cause_of(error) if isinstance(error, OSError) else str(error) or type(error).__name__
        return RunError(f"{self._folder}/{output.file}: cannot be read ({cause}); {remedy}")

    def _merged(self, output: Output) -> MergedFile:
        name = output.file
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        folder, inside = self._place(name)
        suffix = f".{name.rpartition('.')[2]}"
        merged = next(each.merged for each in FORMATS.values() if each.merged and each.merged.suffix == suffix)
        opened = merged.open(folder, inside)
        is_changed = self._is_changed(folder, output) if opened.n_bytes is not None else self._is_damaged(name)
        if is_changed:
            raise ValueError("it has changed since it was written")
        self._open[name] = opened
        self._sizes[name] = opened.n_bytes
        if len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)
        return opened


def _files(output: Output) -> VideoFiles:
    """Return what reads a file of one video."""
    if staging.is_staged(output):
        return staging
    return npz if output.file.endswith(".npz") else arrays
