"""Videos named on the command line or in a list file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from utils.errors import UserError


@dataclass(frozen=True)
class VideoRef:
    """One input.

    id: stable name in the manifest, by which a later run knows the video: the path as it was given.
    name: what its outputs are called, relative to the output folder, without the key and the suffix.
    path: the file to open.
    """

    id: str
    name: str
    path: str


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


def collect(video_paths: Iterable[str], list_path: str | None, video_root: str | None) -> list[VideoRef]:
    """Return the inputs in the order given, a path named twice once.

    Raises:
        UserError: there is none, or two different files would write the same outputs.
    """
    paths = [*video_paths, *(read_list(list_path) if list_path else [])]
    if not paths:
        where = f"{list_path} holds no path" if list_path else "no videos given"
        raise UserError(f"{where}: name them with --video_paths or --file_with_video_paths")
    refs: dict[str, VideoRef] = {}
    for entry in dict.fromkeys(paths):
        ref = _ref(entry, Path(video_root) if video_root else None)
        other = refs.setdefault(ref.name, ref)
        if other is ref or Path(other.path).absolute() == Path(ref.path).absolute():
            continue
        raise UserError(
            f"{other.path} and {ref.path} would both write outputs called {ref.name!r}: "
            "give --video_root so that outputs keep the folders below it, or rename one of the files"
        )
    return list(refs.values())


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
