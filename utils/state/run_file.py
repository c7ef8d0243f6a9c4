"""What a run leaves about itself: run-<id>.json beside the features, and a log as ACAV100M's users read it."""

import json
import os
import platform
import shlex
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from utils.errors import PROGRAM
from utils.sinks.manifest_line import WITH_OUTPUTS
from utils.state.manifest import Latest
from utils.storage import processes
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json
from utils.storage.urls import redacted

VERSION = "0.2.0"
PACKAGES = ("torch", "torchvision", "av", "numpy")


class RunFile:
    """The file about one run, and its log. `id` names the run in manifest lines. arguments: of the command."""

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        self._command = f"{PROGRAM} {shlex.join(map(redacted, arguments))}"
        self._started = time.time()
        self.id = f"{time.strftime('%Y%m%dT%H%M%S', time.localtime(self._started))}-{processes.host()}-{os.getpid()}"

    def write(self, folder: Folder, settings_hash: str, settings: dict[str, Any], about: dict[str, Any]) -> None:
        """Write run-<id>.json, at the start of a run and again at its end.

        about: devices, listed videos, totals, seconds.

        Raises:
            RunError: it cannot be written.
        """
        content = {
            "run": self.id,
            "command": self._command,
            "settings_hash": settings_hash,
            "settings": settings,
            "versions": {
                "featmill": VERSION,
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in PACKAGES},
            },
            **about,
        }
        with folder.whole(f"run-{self.id}.json") as file:
            file.write(json.dumps(content, indent=1, default=str).encode())

    def remove(self, folder: Folder) -> None:
        """Remove run-<id>.json: there was no run."""
        folder.remove(f"run-{self.id}.json")

    def write_log(self, root: Folder, manifests: Mapping[str, Latest]) -> None:
        """Write log_<host>_<pid>_<timestamp>.json: what this run finished, by the manifests of its feature types.

        Shards where the videos come from tars, else videos. Keys as in ACAV100M's README: hostname, pid, timestamp
        (whole seconds since 1970), time (local, as text), shards.

        Raises:
            RunError: it cannot be written.
        """
        timestamp = int(self._started)
        done: dict[str, dict[str, None]] = {"shards": {}, "videos": {}}
        for latest in manifests.values():
            latest.refresh()
            for line in latest:
                if line.stamp.run == self.id and line.status in WITH_OUTPUTS:
                    done["shards" if line.shard else "videos"].setdefault(line.shard or line.id, None)
        content = {
            "hostname": processes.host(),
            "pid": os.getpid(),
            "timestamp": timestamp,
            "time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(timestamp)),
            **{name: list(found) for name, found in done.items() if found or name == "shards"},
        }
        with root.whole(f"log_{processes.host()}_{os.getpid()}_{timestamp}.json") as file:
            file.write(json.dumps(content, indent=1).encode())


def record_of(folder: Folder, settings_hash: str) -> dict[str, Any]:
    """Return what the newest run file with these settings holds; empty if there is none that can be read."""
    for name in sorted(folder.names("run-"), reverse=True):
        try:
            with folder.open(name) as file:
                run = parse_json(file.read())
            if run["settings_hash"] == settings_hash:
                return {**run, "settings": dict(run["settings"])}
        except (ValueError, KeyError, TypeError, OSError):
            continue  # of no use, and perhaps another one is
    return {}
