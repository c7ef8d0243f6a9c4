"""What a run left, in a form that can be compared: bytes, and what Lance reads of its data sets, whose bytes vary."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

PRIVATE = ".featmill"
KEPT = ("shards", "merged")  # notes in the private folder that stay
OF_RUNS = ("run-", "log_", "manifest.jsonl")
VOLATILE = ("seconds", "run", "revision", "device", "finished")  # of a manifest line


def contents(root: Path) -> dict[str, Any]:
    """Return all that users read below a folder: file, or array, or manifest line → content."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*.lance/_versions")):
        found |= _lance(path.parent)
    for path in sorted(root.rglob("*")):
        if path.is_file() and PRIVATE not in path.parts and not any(part.endswith(".lance") for part in path.parts):
            name = path.relative_to(root).as_posix()
            if path.name == "manifest.jsonl":
                found |= _manifest(name, path)
            elif not path.name.startswith(OF_RUNS):
                found |= _lines(name, path) if path.name == "done.txt" else {name: path.read_bytes()}
    return found


def debris(root: Path) -> list[str]:
    """Return the files that no run should leave."""
    files = [path for path in root.rglob("*") if path.is_file()]
    private = [path for path in files if PRIVATE in path.parts and path.parent.name not in KEPT]
    temporary = [path for path in files if path.name.startswith(f"{PRIVATE}-")]
    return sorted(path.relative_to(root).as_posix() for path in (*private, *temporary))


def _manifest(name: str, path: Path) -> dict[str, Any]:
    """Return the last line of each video, without what differs from run to run."""
    latest: dict[str, Any] = {}
    for raw in path.read_text().splitlines():
        try:
            line = json.loads(raw)
        except ValueError:  # cut short when its writer was killed
            continue
        for key in VOLATILE:
            line.pop(key, None)
        for output in line["outputs"]:
            output.pop("mtime_ns", None)
            if output["file"].startswith(
                "../"
            ):  # a finished tar shard is not opened again, so its clips are not counted
                line.pop("position", None)
            if "place" in output:
                is_lance = ".lance" in output["file"]
                for key in ("file", "bytes", "crc32") if is_lance else ("bytes",):  # other files may have grown since
                    output.pop(key, None)
        latest[f"{name}:{line['id']}"] = line
    return {key: line for key, line in latest.items() if line["status"] != "cleared"}


def _rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in rows:
        place = f"{row['id']}:{row['window_index']}"
        found[place] = [*found.get(place, []), row]
    return found


def _lance(path: Path) -> dict[str, Any]:
    """Return the rows of a data set, read in a process of its own: the threads of Lance would not outlive a fork."""
    code = (
        "import lance, pickle, sys; pickle.dump(lance.dataset(sys.argv[1]).to_table().to_pylist(), sys.stdout.buffer)"
    )
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True)
    if result.returncode:
        return {path.name: result.stderr.decode().splitlines()[-1]}
    return _rows(pickle.loads(result.stdout))


def _lines(name: str, path: Path) -> dict[str, Any]:
    """Return the files that a list names, in any order; a line that was cut short names none."""
    return {name: sorted({line for line in path.read_text().splitlines() if Path(line).is_file()})}
