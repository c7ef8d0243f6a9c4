"""What tells whether an input is still the one that was extracted."""

import contextlib
import hashlib
import threading
from pathlib import Path
from typing import Any

from utils.errors import UserError
from utils.sources.ref import VideoRef
from utils.storage.urls import is_url, redacted, resolve

ANSWER_S = 30.0  # a store that takes longer to say what it has counts as not knowing
STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "checksum", "sha256")


def fingerprint(ref: VideoRef) -> dict[str, Any]:
    """Return where the input lies, its size in bytes and what changes when it does: its modification time or tag."""
    facts: dict[str, Any] = {"path": redacted(ref.path)}
    if ref.member:
        facts |= {"member": ref.member, "offset": ref.offset}
    if ref.start_s is not None or ref.end_s is not None:
        facts["segment"] = [ref.start_s, ref.end_s]
    if ref.data is not None:
        return facts | {"bytes": len(ref.data), "sha256": hashlib.sha256(ref.data).hexdigest()}
    facts |= _at_address(ref.path) if is_url(ref.path) else _on_disk(ref.path)
    return facts | ({"bytes": ref.size} if ref.member else {})


def _on_disk(path: str) -> dict[str, Any]:
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        return {"bytes": None, "mtime_ns": None}
    return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _at_address(url: str) -> dict[str, Any]:
    info = _answer(url)
    stamp = next((str(info[name]) for name in STAMPS if info.get(name)), None)
    return {"bytes": info.get("size"), "stamp": stamp}


def _answer(url: str) -> dict[str, Any]:
    """Return what the store says of a file; nothing if it does not say it in time."""
    found: list[dict[str, Any]] = []

    def ask() -> None:
        with contextlib.suppress(OSError, ValueError, UserError):
            filesystem, path = resolve(url)
            found.append(filesystem.info(path))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    return found[0] if found else {}
