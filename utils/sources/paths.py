"""Videos named on the command line or in a list file."""

from collections.abc import Iterable
from pathlib import Path

from utils.errors import UserError
from utils.sources.ref import VideoRef


def read_list(list_path: str) -> list[str]:
    """Return the paths of a list file: one per line, blank lines and lines starting with # left out.

    A relative path is looked up from the current folder, then from the list's own folder.

    Raises:
        UserError: the list cannot be read as UTF-8 text.
    """
    path = Path(list_path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UserError(f"--file_with_video_paths {list_path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--file_with_video_paths {list_path}: not readable as text ({error})") from error
    entries = [line.strip() for line in lines]
    return [_found(entry, path.parent) for entry in entries if entry and not entry.startswith("#")]


def _found(entry: str, list_folder: Path) -> str:
    beside_list = list_folder / entry
    return str(beside_list) if not Path(entry).exists() and beside_list.exists() else entry


def named(video_paths: Iterable[str], list_path: str | None, video_root: str | None) -> list[VideoRef]:
    """Return the named inputs in the order given, one for each mention.

    Raises:
        UserError: the list cannot be read, or a path lies outside --video_root.
    """
    paths = [*video_paths, *(read_list(list_path) if list_path else [])]
    return [_ref(entry, Path(video_root) if video_root else None) for entry in paths]


def _ref(entry: str, root: Path | None) -> VideoRef:
    path = Path(entry)
    if root is None:
        return VideoRef(entry, path.stem, entry)
    if not path.is_absolute() and not path.exists():
        path = root / path
    try:
        inside = path.absolute().relative_to(root.absolute())
    except ValueError as error:
        raise UserError(f"{entry}: not below --video_root {root}") from error
    if ".." in inside.parts:
        raise UserError(f"{entry}: leads out of --video_root {root} through '..'")
    return VideoRef(entry, str(inside.with_suffix("")), str(path))
