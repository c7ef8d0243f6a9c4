"""Run the program as a user does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def run(*arguments: Any, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Return what `python main.py ARGUMENTS` did: returncode, stdout, stderr."""
    command = [sys.executable, str(ROOT / "main.py"), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, check=False, timeout=300
    )


def start(*arguments: Any) -> subprocess.Popen[str]:
    """Start `python main.py ARGUMENTS` in a process group of its own, as a shell does."""
    command = [sys.executable, str(ROOT / "main.py"), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def interrupt_group(process: subprocess.Popen[str]) -> None:
    """Send Ctrl-C to the program and its workers, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last manifest line of each video, by output name."""
    lines = map(json.loads, (folder / "manifest.jsonl").read_text().splitlines())
    return {line["name"]: line for line in lines}


def unfinished(folder: Path) -> list[Path]:
    """Return the temporary files below a folder; there must be none once a run has ended."""
    return [path for path in folder.rglob("*") if path.name.startswith(".framemill-")]
