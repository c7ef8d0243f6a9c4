"""Videos in a folder and its subfolders."""

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from utils.errors import FeatmillError, RunError, UserError
from utils.sources.base import Mention
from utils.sources.errors import cause_of
from utils.sources.names import safe_id, safe_name, without_suffix
from utils.sources.paths import local_path
from utils.storage.urls import is_url, redacted, resolve, scheme


class Patterns:
    """File name patterns, which ignore case."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._match = re.compile("|".join(fnmatch.translate(pattern.lower()) for pattern in patterns) or r"(?!)").match

    def match(self, path: str) -> bool:
        """Return whether the last part of a path matches a pattern."""
        return self._match(path.rpartition("/")[2].lower()) is not None


class FolderSource:
    """The files of a folder, local or at an address, whose names match a pattern, sorted by path.

    Searched once: the paths are kept, so that every pass sees the same ones. Outputs keep the subfolders. Links to
    files are followed, links to folders are not.
    """

    def __init__(self, folder: str, patterns: Iterable[str]) -> None:
        """Raises UserError if the folder does not exist."""
        if is_url(folder) and scheme(folder) == "file":
            folder = local_path(folder)
        self._folder = folder
        self._paths = bytearray()  # each followed by a NUL
        self._unreadable: list[str] = []
        matching = Patterns(patterns)
        if is_url(folder):
            self.roots: tuple[Path, ...] = ()
            self._keep(_remote(folder, matching))
            return
        if not Path(folder).is_dir():
            raise UserError(f"--input_dir {folder}: no such folder")
        self.roots = (Path(folder),)
        self._keep(self._local("", matching))

    def _keep(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._paths += path.encode("utf-8", "surrogatepass") + b"\0"

    def _kept(self) -> Iterator[str]:
        start = 0
        while (end := self._paths.find(b"\0", start)) >= 0:
            yield self._paths[start:end].decode("utf-8", "surrogatepass")
            start = end + 1

    def mentions(self) -> Iterator[Mention]:
        """Yield the files, and as refused the folders that could not be searched."""
        join = f"{self._folder.rstrip('/')}/{{}}".format if self._folder != "/" else "/{}".format
        for inside in self._kept():
            path = join(inside)
            yield Mention(safe_id(path), safe_name(without_suffix(inside)), path)
        for inside in self._unreadable:
            path = join(inside)
            reason = f"{path}: this folder cannot be searched: permission denied; grant it, or leave the folder out"
            yield Mention(f"{safe_id(path)}/", safe_name(f"{inside}/.closed"), path, refused=("failed", reason))

    def _local(self, inside: str, matching: Patterns) -> Iterator[str]:
        """Yield the paths below a subfolder, in the order of pathlib: part by part."""
        stack = [iter(self._scanned(inside))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif found[1]:
                stack.append(iter(self._scanned(found[0])))
            elif matching.match(found[0]) and self._is_file(found):
                yield found[0]

    def _scanned(self, inside: str) -> list[tuple[str, bool, bool]]:
        """Return (path, is a folder, is a link or special file) of the entries of a subfolder, sorted."""
        try:
            with os.scandir(Path(self._folder) / inside) as listing:
                start = f"{inside}/" if inside else ""
                found = [
                    (f"{start}{item.name}", item.is_dir(follow_symlinks=False), not item.is_file(follow_symlinks=False))
                    for item in listing
                ]
        except OSError:
            self._unreadable.append(inside)
            return []
        return sorted(found)

    def _is_file(self, found: tuple[str, bool, bool]) -> bool:
        return not found[2] or (Path(self._folder) / found[0]).is_file()


def _remote(url: str, matching: Patterns) -> list[str]:
    """Return the paths below an address."""
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
        raise RunError(f"--input_dir {redacted(url)}: cannot be searched ({cause_of(error)})") from error
    start = f"{root.rstrip('/')}/"
    inside = (path.removeprefix(start) for path in paths if path.startswith(start) and matching.match(path))
    return sorted(inside, key=lambda path: path.split("/"))
