"""Videos in a folder and its subfolders."""

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from utils.errors import FeatmillError, RunError, UserError
from utils.sources.base import Mention
from utils.sources.errors import message_of
from utils.sources.media_filter import MediaFilter
from utils.sources.names import safe_id, safe_name, without_suffix
from utils.sources.paths import local_path
from utils.storage.urls import is_url, redacted, resolve, scheme


class FolderSource:
    """The files of a folder, local or at an address, that a filter takes, and its local folders of frames, by path.

    Searched once: the paths are kept, so that every pass sees the same ones. Outputs keep the subfolders. Links to
    files are followed, links to folders are not.
    """

    def __init__(self, folder: str, media_filter: MediaFilter) -> None:
        """Raises UserError if the folder does not exist."""
        if is_url(folder) and scheme(folder) == "file":
            folder = local_path(folder)
        self._folder = folder
        self._filter = media_filter
        self._paths = bytearray()  # each followed by a NUL
        self._searched = bytearray()  # subfolders, likewise
        self._unreadable: list[str] = []
        if is_url(folder):
            self.roots: tuple[Path, ...] = ()
            _keep(self._paths, _remote(folder, media_filter))
            return
        if not Path(folder).is_dir():
            raise UserError(f"--input_dir {folder}: no such folder")
        self.roots = (Path(folder),)
        _keep(self._paths, self._local())

    def _path(self, inside: str) -> str:
        return f"{self._folder.rstrip('/')}/{inside}" if self._folder != "/" else f"/{inside}"

    @property
    def read_well(self) -> Iterator[str]:
        """The ids under which the folders that were searched would have been refused."""
        return (_refused_id(self._path(inside)) for inside in _kept(self._searched))

    def mentions(self) -> Iterator[Mention]:
        """Yield the files and the folders of frames, and as refused the folders that could not be searched."""
        for inside in _kept(self._paths):
            path = self._path(inside).rstrip("/")
            if inside.endswith("/"):
                name = inside.rstrip("/") or Path(self._folder).absolute().name
                yield Mention(safe_id(path), safe_name(name), path, media_kind="frames")
            else:
                kind = self._filter.media_kind(path)
                yield Mention(safe_id(path), safe_name(without_suffix(inside)), path, media_kind=kind)
        for inside in self._unreadable:
            path = self._path(inside)
            reason = f"{path}: this folder cannot be searched: permission denied; grant it, or leave the folder out"
            yield Mention(_refused_id(path), safe_name(f"{inside}/.closed"), path, refused=("failed", reason))

    def _local(self) -> Iterator[str]:
        """Yield the paths that are found, in the order of pathlib: part by part.

        Those of folders of frames end in "/".
        """
        stack = [iter(self._entries(""))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                continue
            path, is_folder = found
            if is_folder:
                stack.append(iter(self._entries(path)))
            else:
                yield path

    def _entries(self, inside: str) -> list[tuple[str, bool]]:
        """Return the subfolders and found files of a subfolder, sorted: path, and whether it is a folder."""
        start = f"{inside}/" if inside else ""
        try:
            with os.scandir(Path(self._folder) / inside) as listing:
                entries = [(f"{start}{item.name}", item.is_dir(follow_symlinks=False), item) for item in listing]
                folders = [(path, True) for path, is_folder, _ in entries if is_folder]
                files = [path for path, is_folder, item in entries if not is_folder and _is_file(item)]
        except OSError:
            self._unreadable.append(inside)
            return []
        _keep(self._searched, [inside])
        frames = self._filter.frames([path[len(start) :] for path in files])
        if frames is not None:
            files = [path for path in files if not frames.has(path[len(start) :])]
        own = [] if frames is None else [(f"{inside}/", False)]
        return [*own, *sorted([*folders, *((path, False) for path in self._filter.chosen(files))])]


def _is_file(item: "os.DirEntry[str]") -> bool:
    """Return whether it is a file, also one that cannot be seen, as by a link to a closed folder: it fails alone."""
    try:
        return item.is_file()
    except OSError as error:
        return error.errno != errno.ELOOP  # a link to itself leads to none


def _refused_id(path: str) -> str:
    return f"{safe_id(path)}/"


def _keep(kept: bytearray, paths: Iterable[str]) -> None:
    for path in paths:
        kept += path.encode("utf-8", "surrogatepass") + b"\0"


def _kept(kept: bytearray) -> Iterator[str]:
    start = 0
    while (end := kept.find(b"\0", start)) >= 0:
        yield kept[start:end].decode("utf-8", "surrogatepass")
        start = end + 1


def _remote(url: str, media_filter: MediaFilter) -> list[str]:
    """Return the paths below an address that are found."""
    filesystem, root = resolve(url)
    try:
        paths = filesystem.find(root)
        if not paths and not filesystem.isdir(root):
            raise UserError(f"--input_dir {redacted(url)}: no such folder")
    except FeatmillError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"--input_dir {redacted(url)}: no such folder") from error
    except Exception as error:  # file systems raise errors of any type
        raise RunError(f"--input_dir {redacted(url)}: cannot be searched ({message_of(error)})") from error
    start = f"{root.rstrip('/')}/"
    inside = (path.removeprefix(start) for path in paths if path.startswith(start))
    return sorted(media_filter.chosen(inside), key=lambda path: path.split("/"))
