"""Folders of numbered pictures, each the frames of a video: `frames/000001.jpg`, mmaction2's `img_00001.jpg`."""

import os
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from utils.errors import VideoError
from utils.media.input import MediaSource

SUFFIX = r"(\.(?:jpe?g|png|bmp|webp|tiff?|ppm))"
NUMBERED = re.compile(rf"(.*?)(\d{{1,18}}){SUFFIX}", re.IGNORECASE | re.DOTALL)
PATTERN = re.compile(rf"(.*?)%(?:0?(\d{{1,2}}))?d(.*{SUFFIX})", re.IGNORECASE | re.DOTALL)  # as ffmpeg has them
FLOW = re.compile(r"(flow_?)?[xy]_?")  # prefixes of optical flow, which mmaction2 keeps beside the frames
FRAMES = "img_"  # what it calls the frames themselves


@dataclass
class FrameFolder:
    """The pictures of one video: those called `prefix`, number, `suffix`, the number with at least `width` digits.

    numbers: of the pictures that are there, in order; those between two of them that are not there are missing.
    """

    folder: str
    prefix: str
    suffix: str
    width: int = 1
    numbers: "array[int]" = field(default_factory=lambda: array("q"), repr=False)

    def path(self, number: int) -> str:
        """Return the path of a picture."""
        return os.path.join(self.folder, f"{self.prefix}{number:0{self.width}d}{self.suffix}")  # noqa: PTH118 - a million

    def has(self, name: str) -> bool:
        """Return whether a file of the folder is one of the pictures, by its name."""
        match = NUMBERED.fullmatch(name)
        return match is not None and (match[1], match[3]) == (self.prefix, self.suffix)

    @property
    def pattern(self) -> str:
        """What its pictures are called, such as "img_%05d.jpg"."""
        return f"{self.prefix}%{f'0{self.width}' if self.width > 1 else ''}d{self.suffix}"


def is_pattern(path: str) -> bool:
    """Return whether a path names numbered pictures, such as "frames/%06d.jpg"."""
    return "%" in path and PATTERN.fullmatch(path.rpartition("/")[2]) is not None


def frame_folder(source: MediaSource) -> FrameFolder | None:
    """Return the frames that a local path names, by their folder or by a pattern; None for any other source.

    Raises:
        VideoError: it is a folder without numbered pictures, or with several kinds of them.
    """
    if not isinstance(source, str | os.PathLike):
        return None
    path = os.fspath(source)
    folder, wanted = path, None
    try:
        if is_pattern(path) and not os.path.lexists(path):
            folder, _, wanted = path.rpartition("/")
        elif not os.path.isdir(path):  # noqa: PTH112 - a million times
            return None
        with os.scandir(folder or ".") as listing:
            found = numbered(folder, (entry.name for entry in listing), wanted)
    except (OSError, ValueError) as error:
        raise VideoError(f"{path}: cannot be read ({error}). Check the path and its permissions.") from error
    if len(found) == 1:
        return found[0]
    if not found:
        example = wanted or "000001.jpg or img_00001.jpg"
        frames = f"A folder of frames has some such as {example}; --input_dir finds the videos in a folder."
        raise VideoError(f"{path}: a folder without numbered pictures. {frames}")
    patterns = ", ".join(sorted(one.pattern for one in found))
    raise VideoError(f"{path}: its pictures are numbered in several ways. Give one of {patterns} after the folder.")


def numbered(folder: str, names: Iterable[str], pattern: str | None = None) -> list[FrameFolder]:
    """Return the kinds of numbered pictures among the files of a folder; as a rule one.

    Optical flow beside frames is left out, and so are single pictures beside many. pattern: return these alone.
    """
    found: dict[tuple[str, str, int], array[int]] = {}
    for prefix, digits, suffix in _parts(names, pattern):
        width = len(digits) if digits.startswith("0") else 0  # 0: it may be of any width up to its length
        found.setdefault((prefix, suffix, width), array("q")).append(int(digits))
    folders = _merged(folder, found)
    if len(folders) > 1:
        folders = [one for one in folders if not FLOW.fullmatch(one.prefix)] or folders
    if len(folders) > 1:
        folders = [one for one in folders if len(one.numbers) > 1] or folders
    named = [one for one in folders if one.prefix == FRAMES]
    return named if len(named) == 1 else folders


def _parts(names: Iterable[str], pattern: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield prefix, digits and suffix of each name of a numbered picture."""
    form = NUMBERED
    if pattern is not None and (parts := PATTERN.fullmatch(pattern)) is not None:
        form = re.compile(rf"({re.escape(parts[1])})(\d{{{int(parts[2] or 1)},18}})({re.escape(parts[3])})")
    for name in names:
        if (match := form.fullmatch(name)) is not None and not name.startswith("._"):  # which macOS adds to each file
            yield match[1], match[2], match[3]


def _merged(folder: str, found: dict[tuple[str, str, int], "array[int]"]) -> list[FrameFolder]:
    """Return one FrameFolder for each way of writing numbers: "098", "099", "100" is one way, "99", "098" are two."""
    folders = {key: FrameFolder(folder, key[0], key[1], key[2], numbers) for key, numbers in found.items() if key[2]}
    for (prefix, suffix, width), numbers in found.items():
        if width:
            continue
        padded = [one for one in folders.values() if (one.prefix, one.suffix) == (prefix, suffix)]
        if len(padded) == 1 and min(numbers) >= 10 ** (padded[0].width - 1):
            padded[0].numbers.extend(numbers)
        else:
            folders[prefix, suffix, 0] = FrameFolder(folder, prefix, suffix, 1, numbers)
    for one in folders.values():
        one.numbers = array("q", sorted(one.numbers))
    return list(folders.values())


def folder_stat(path: str) -> tuple[int, int, int] | None:
    """Return number, bytes and newest modification time (ns) of the pictures that a path names; None for no pictures.

    Raises:
        OSError: a picture cannot be seen.
    """
    try:
        folder = frame_folder(path)
    except VideoError:
        return None
    if folder is None:
        return None
    n_bytes = newest_ns = 0
    for number in folder.numbers:
        stat = os.stat(folder.path(number))  # noqa: PTH116 - a million times
        n_bytes += stat.st_size
        newest_ns = max(newest_ns, stat.st_mtime_ns)
    return len(folder.numbers), n_bytes, newest_ns
