"""Videos given on the command line or in a list file."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from utils.errors import UserError
from utils.media.frame_folder import is_pattern
from utils.sources.base import Mention, is_there
from utils.sources.list_file import ListFile
from utils.sources.list_rows import ListRow
from utils.sources.names import safe_id, safe_name, seconds_text, without_suffix
from utils.storage.urls import is_url, redacted, scheme


class ListSource:
    """Videos given on the command line, then those of a list, in the order given.

    A relative path is looked for in the current folder, then in that of the list; with --video_root, in that folder.
    Outputs are named after the id in the list, else by the file without folder and suffix; with --video_root they keep
    its subfolders.
    """

    def __init__(self, video_paths: Iterable[str], list_path: str | None, video_root: str | None) -> None:
        self._paths = tuple(video_paths)
        self._list = ListFile(list_path) if list_path is not None else None
        self._root = _root(video_root)
        self._list_folder = ""
        if list_path is not None and not is_url(list_path):
            folder = os.path.dirname(list_path)  # noqa: PTH120 - unchanged, as Path would not
            self._list_folder = folder if folder not in ("", ".") else ""
        self._list_stem = os.path.basename(redacted(list_path or ""))  # noqa: PTH119 - also of an address
        self.roots = (Path(self._root.path),) if isinstance(self._root, LocalRoot) else ()
        self._is_refused = bytearray()  # by line number, as far as the list was read

    @property
    def read_well(self) -> Iterator[str]:
        """The ids under which the lines of the list would have been refused, of those that were not."""
        if self._list is not None:
            for number, is_refused in enumerate(self._is_refused[1:], 1):
                if not is_refused:
                    yield safe_id(_line(self._list, number))

    def mentions(self) -> Iterator[Mention]:
        """Yield every mention.

        Raises:
            UserError: the list cannot be read, or a path is outside --video_root.
        """
        for number, path in enumerate(self._paths, 1):
            mention = self._mention(ListRow(number, path), "")
            if mention.refused:
                raise UserError(f"--video_paths: {mention.refused[1]}")
            yield mention
        if self._list is not None:
            for row in self._list.rows():
                mention = self._mention(row, self._list_folder)
                if row.number >= len(self._is_refused):
                    self._is_refused.extend(bytes(row.number + 1 - len(self._is_refused)))
                self._is_refused[row.number] = mention.refused is not None
                yield mention

    def _mention(self, row: ListRow, folder: str) -> Mention:
        if row.problem is not None:
            return self._refused(row, row.problem)
        try:
            path, fallback, name = self._located(row.path, folder)
        except ValueError as error:
            return self._refused(row, f"{redacted(row.path)[:200]!r}: {error}")
        id_ = safe_id(row.path)
        if row.start_s is None and row.end_s is None:
            segment = ""
        else:
            start, end = seconds_text(row.start_s, "0"), seconds_text(row.end_s, "")
            id_ = f"{id_}#{start}-{end}"
            segment = f"_{start}_{end or 'end'}"
        if row.id is not None:
            id_ = safe_id(row.id)
            name = id_
        elif segment:
            name += segment
        return Mention(id_, safe_name(name), path, fallback, row.start_s, row.end_s, row.id is not None, row.meta)

    def _located(self, text: str, folder: str) -> tuple[str, str, str]:
        """Return the path of a file, its fallback, and its name."""
        if is_url(text):
            if scheme(text) != "file":
                return _address(text, self._root)
            text = local_path(text)
        _check(text)
        if self._root is not None:
            path, name = self._root.locate(text)
            return path, "", name
        fallback = f"{folder}/{text}" if folder and not text.startswith("/") else ""
        return text, fallback, _stem(text)

    def _refused(self, row: ListRow, problem: str) -> Mention:
        if self._list is None:
            return Mention(f"video_paths {row.number}", "", row.path, refused=("failed", problem))
        name = safe_name(f"{without_suffix(self._list_stem)}.line{row.number}")
        reason = f"{_line(self._list, row.number)}: {problem}"
        return Mention(safe_id(_line(self._list, row.number)), name, self._list.label, refused=("failed", reason))


def _line(list_file: ListFile, number: int) -> str:
    return f"{list_file.label}, line {number}"


class LocalRoot:
    """--video_root as a folder."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._absolute = str(Path(path).absolute()).rstrip("/")
        self._current = str(Path.cwd()).rstrip("/")
        below = f"{self._absolute}/".removeprefix(f"{self._current}/")
        self._below = below if self._absolute.startswith(f"{self._current}/") else None
        above = f"{self._current}/".removeprefix(f"{self._absolute}/")
        self._above = above if self._current.startswith(f"{self._absolute}/") else None

    def locate(self, text: str) -> tuple[str, str]:
        """Return the path of a file, and its name: its path below the root without the suffix.

        A relative path counts from the root, unless counting from the current folder gives an existing file below the
        root. That file is looked for only if its path would be below the root.

        Raises:
            UserError: the file is outside the root.
        """
        if text.startswith("/"):
            return text, self._name(text if _is_normal(text) else str(Path(text)), text)
        from_current = self._from_current(text)
        if from_current is not None and is_there(text):
            return text, _inside_name(from_current, text)
        if "/../" in f"/{text}/":
            raise UserError(f"{text}: leaves --video_root {self.path} through '..'")
        return os.path.join(self.path, text), _inside_name(_normal(text), text)  # noqa: PTH118 - a million times

    def _from_current(self, text: str) -> str | None:
        """Return a path below the root of a path from the current folder, None if it cannot be below the root."""
        text = _normal(text)
        if text.startswith("../") or "/../" in text:
            return None
        if self._below is not None:
            return text[len(self._below) :] if text.startswith(self._below) else None
        return f"{self._above}{text}" if self._above is not None else None

    def _name(self, absolute: str, text: str) -> str:
        if not absolute.startswith(f"{self._absolute}/"):
            raise UserError(f"{text}: not below --video_root {self.path}")
        inside = absolute[len(self._absolute) + 1 :]
        if "/../" in f"/{inside}/":
            raise UserError(f"{text}: leaves --video_root {self.path} through '..'")
        return _inside_name(inside, text)


class AddressRoot:
    """--video_root as an address."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def locate(self, text: str) -> tuple[str, str]:
        """Return the address of a relative path, and its name. Raises UserError for an absolute path."""
        if text.startswith("/"):
            raise UserError(f"{text}: not below --video_root {redacted(self.url)}")
        if "/../" in f"/{text}/":
            raise UserError(f"{text}: leaves --video_root {redacted(self.url)} through '..'")
        inside = _normal(text)
        return f"{self.url}/{inside}", without_suffix(inside)


def _stem(text: str) -> str:
    """Return what outputs of a path are called: the file without its suffix, or the folder of frames."""
    if is_pattern(text):
        return Path(text).absolute().parent.name
    last = text.rstrip("/").rpartition("/")[2]
    return last if text.endswith("/") else without_suffix(last)


def _inside_name(inside: str, text: str) -> str:
    """Return the same with the folders below --video_root. inside: the path below it. text: the path as given."""
    if is_pattern(inside) and "/" in inside:
        return inside.rpartition("/")[0]
    return inside.rstrip("/") if text.endswith("/") else without_suffix(inside)


def check_root(video_root: str | None) -> None:
    """Raise UserError if --video_root is a local folder that does not exist."""
    try:
        root = _root(video_root)
    except ValueError as error:
        raise UserError(f"--video_root {redacted(video_root or '')}: {error}") from error
    if isinstance(root, LocalRoot) and not Path(root.path).is_dir():
        raise UserError(f"--video_root {root.path}: no such folder")


def _root(video_root: str | None) -> LocalRoot | AddressRoot | None:
    if video_root is None:
        return None
    if is_url(video_root) and scheme(video_root) != "file":
        return AddressRoot(video_root)
    return LocalRoot(local_path(video_root) if is_url(video_root) else video_root)


def local_path(url: str) -> str:
    """Return the local path of a file:// address. Raises ValueError for an address of another machine."""
    host, slash, path = url.partition("://")[2].partition("/")
    if host not in ("", "localhost"):
        raise ValueError("it is a file:// address of another machine; write file:///folder/file")
    return unquote(slash + path, errors="surrogateescape")


def _is_normal(text: str) -> bool:
    return "//" not in text and "/./" not in text and text[:2] != "./" and text[-1:] != "/" and text[-2:] != "/."


def _normal(text: str) -> str:
    """Return a path without empty parts and "." parts."""
    if _is_normal(text):
        return text
    return "/".join(part for part in text.split("/") if part not in ("", "."))


def _check(path: str) -> None:
    """Raise ValueError if no file can have this path."""
    if not path.isascii():
        try:
            os.fsencode(path)
        except UnicodeEncodeError as error:
            raise ValueError("has characters that no file name has (lone surrogates); write the list again") from error
    if "\0" in path:
        raise ValueError("has a NUL character; write the list again")


def _address(url: str, root: LocalRoot | AddressRoot | None) -> tuple[str, str, str]:
    """Return an address, the fallback "", and the name of the file."""
    try:
        path = urlsplit(url).path
        url.encode()
    except ValueError as error:
        raise ValueError(f"not an address ({error})") from error
    if "\0" in url:
        raise ValueError("has a NUL character; write the list again")
    if root is None:
        name = without_suffix(path.rstrip("/").rpartition("/")[2])
        return url, "", name or without_suffix(redacted(url).partition("://")[2])
    if isinstance(root, LocalRoot):
        raise UserError(f"{redacted(url)}: not below --video_root {root.path}")
    inside = url.removeprefix(f"{root.url}/")
    if inside == url:
        raise UserError(f"{redacted(url)}: not below --video_root {redacted(root.url)}")
    inside = _normal(urlsplit(f"x://x/{inside}").path.lstrip("/"))
    if "/../" in f"/{inside}/":
        raise UserError(f"{redacted(url)}: leaves --video_root {redacted(root.url)} through '..'")
    return url, "", without_suffix(inside)
