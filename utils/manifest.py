"""One JSON line per finished video beside the outputs: what was made, from what, how, or why not."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from utils.errors import RunError, UserError
from utils.sinks import is_readable
from utils.sources.ref import VideoRef

FILE_NAME = "manifest.jsonl"
FINISHED = ("done", "partial", "skipped")  # what a later run need not do again
Line = dict[str, Any]


def settings_hash(settings: dict[str, Any]) -> str:
    """Return a short hash of the settings and weights that decide what the features are."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def source_facts(path: str) -> dict[str, Any]:
    """Return the input's path, size in bytes and modification time, by which a changed file is noticed."""
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        return {"path": path, "bytes": None, "mtime_ns": None}
    return {"path": path, "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


class Manifest:
    """Append-only; many processes may write to it, since each line is one write to the end of the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME

    def append(self, line: Line) -> None:
        """Add one line.

        Raises:
            RunError: the file cannot be written.
        """
        data = (json.dumps(line) + "\n").encode()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                if self._ends_mid_line():  # a writer was killed within its line
                    data = b"\n" + data
                written = os.write(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RunError(f"{self._path}: cannot be written ({error.strerror})") from error
        if written != len(data):
            raise RunError(f"{self._path}: the disk is full; make room and run the same command again")

    def _ends_mid_line(self) -> bool:
        with self._path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def lines(self) -> Iterator[Line]:
        """Yield the lines in the order written; one that was cut short by a crash is left out."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            for raw in file:
                line = _parsed(raw)
                if line is not None:
                    yield line

    def latest(self) -> dict[str, Line]:
        """Return the last line of each video, by its id."""
        return {line["id"]: line for line in self.lines()}


def _parsed(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "id" in line and "status" in line else None


def is_done(line: Line | None, ref: VideoRef, folder: Path, settings: str, on_extraction: str) -> bool:
    """Return whether `line` says that `ref` needs no work: same settings and format, same input, outputs in place."""
    if line is None or line["status"] not in FINISHED or line.get("settings_hash") != settings:
        return False
    if line.get("on_extraction") != on_extraction:
        return False
    if line.get("source") != source_facts(ref.path):
        return False
    return is_readable(folder, line.get("outputs", []))


def refuse_mixing(folder: Path, latest: dict[str, Line], settings: dict[str, Any]) -> None:
    """Raise UserError if the folder holds outputs of other settings, naming the difference."""
    own = settings_hash(settings)
    others = {line["settings_hash"] for line in latest.values() if line["status"] in ("done", "partial")} - {own}
    if not others:
        return
    known = _settings_of_runs(folder)
    other = sorted(others)[0]
    differences = [
        f"{key}: {known[other].get(key)} there, {value} now"
        for key, value in settings.items()
        if other in known and known[other].get(key) != value
    ]
    raise UserError(
        f"{folder} holds features made with other settings ({'; '.join(differences) or 'see its manifest'}): "
        "choose another --output_path, or extract all again with --overwrite"
    )


def _settings_of_runs(folder: Path) -> dict[str, dict[str, Any]]:
    known = {}
    for path in folder.glob("run-*.json"):
        try:
            run = json.loads(path.read_text())
            known[run["settings_hash"]] = run["settings"]
        except (ValueError, KeyError, TypeError, OSError):
            continue  # an unreadable run file only makes the message shorter
    return known
