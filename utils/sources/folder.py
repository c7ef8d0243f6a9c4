"""Videos found in a folder and the folders below it."""

import fnmatch
from collections.abc import Iterable
from pathlib import Path

from utils.errors import UserError
from utils.sources.ref import VideoRef


def found(folder: str, patterns: Iterable[str]) -> list[VideoRef]:
    """Return the files whose names match one of the patterns (without regard to case), sorted by path.

    Outputs keep the folders below `folder`.

    Raises:
        UserError: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"--input_dir {folder}: no such folder")
    lowered = [pattern.lower() for pattern in patterns]
    matching = [
        path
        for path in root.rglob("*")
        if path.is_file() and any(fnmatch.fnmatchcase(path.name.lower(), pattern) for pattern in lowered)
    ]
    return [VideoRef(str(path), str(path.relative_to(root).with_suffix("")), str(path)) for path in sorted(matching)]
