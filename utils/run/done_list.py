"""--check_progress: a plain list of finished videos, as scripts around other extractors keep it."""

from pathlib import Path

from utils.errors import UserError
from utils.sources.ref import VideoRef
from utils.storage.local import LocalFolder


class DoneList:
    """One line per finished video, as it was named in the list; lines are added as videos finish."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        try:
            text = self._path.read_text(encoding="utf-8", errors="surrogateescape") if self._path.exists() else ""
        except OSError as error:
            raise UserError(f"--check_progress {path}: cannot be read ({error.strerror})") from error
        self._names = set(text.splitlines())

    def __contains__(self, ref: VideoRef) -> bool:
        """Return whether the list names the video, by its id, its path or the name of its outputs."""
        return not self._names.isdisjoint((ref.id, ref.path, ref.name))

    def add(self, identity: str) -> None:
        """Add a finished video.

        Raises:
            RunError: the file cannot be written.
        """
        line = " ".join(identity.splitlines()).encode("utf-8", "surrogateescape") + b"\n"
        folder = LocalFolder(self._path.parent)
        folder.prepare()
        folder.append(self._path.name, line)
