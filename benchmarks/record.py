"""Results as JSON files under benchmarks/results/, with the machine, versions and commit that they belong to."""

import contextlib
import json
import os
import platform
import re
import resource
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "av", "opencv-python", "opencv-python-headless")
RESULTS = Path(__file__).parent / "results"


def cpu_name() -> str:
    """Return the processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def host_peak_mib() -> float:
    """Return the most memory that this process has held resident, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def git_commit(folder: Path = Path(__file__).parent) -> str:
    """Return the commit of a checkout, this one by default; "none" where there is none."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:  # a machine without git
        return "none"
    return done.stdout.strip() if done.returncode == 0 else "none"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide the figures; OpenCV by either of its names."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def write(name: str, figures: dict[str, Any], folder: Path = RESULTS) -> None:
    """Write <name>-<processor>.json with the figures, and print where."""
    result = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": git_commit(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "versions": versions(),
        **figures,
    }
    slug = re.sub(r"[^a-z0-9]+", "-", cpu_name().lower()).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{name}-{slug}.json"
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {out.name}")
