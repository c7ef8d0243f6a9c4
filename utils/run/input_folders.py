"""The folders of the videos: noticing that one is gone, before every video fails one by one."""

from collections.abc import Iterable
from pathlib import Path

from utils.errors import RunError

REMEMBERED = 1000  # folders of finished videos


class InputFolders:
    """Folders that were there when the run started, and those that videos have been read from since."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = {folder: _identity(folder) for folder in folders}

    def read_from(self, path: str) -> None:
        """Remember that a video was read from this path."""
        folder = Path(path).absolute().parent
        if folder not in self._folders and len(self._folders) < REMEMBERED:
            self._folders[folder] = _identity(folder)

    def check(self, path: str) -> None:
        """Raise RunError if the video at `path` is missing because its whole folder is."""
        missing = Path(path).absolute()
        for folder, known in self._folders.items():
            if known is not None and missing.is_relative_to(folder) and _identity(folder) != known:
                raise RunError(
                    f"{folder}: the folder of the videos is gone (unmounted?); bring it back and run the same command "
                    "again to resume"
                )


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        stat = folder.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
