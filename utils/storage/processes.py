"""Telling processes apart across machines, containers and restarts, and whether one is still there."""

import os
import re
import socket
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def host() -> str:
    """Return the machine's name, fit for a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", socket.gethostname()) or "localhost"


@lru_cache(maxsize=1)
def _place() -> str:
    """Return what sets this system apart from others, and from itself before a restart: boot and process namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return f"{boot}.{re.sub('[^0-9]', '', str(Path('/proc/self/ns/pid').readlink()))}"
    except OSError:  # no Linux
        return "0.0"


def identity(pid: int | None = None) -> str:
    """Return a name for a process of this system (default: this one) that no other process ever has."""
    pid = os.getpid() if pid is None else pid
    return f"{host()}~{_place()}~{pid}~{_started(pid)}"


def is_alive(name: str) -> bool | None:
    """Return whether the process of that `identity` is there; None where this system cannot know: it is another's."""
    parts = name.split("~")
    if len(parts) != 4 or not parts[2].isdecimal() or parts[:2] != [host(), _place()]:
        return None
    pid = int(parts[2])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(pid) == parts[3]


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot; a process number may be given anew, this is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return "0"
    return "0" if stat[0] == "Z" else stat[19]  # one that waits to be reaped does nothing any more
