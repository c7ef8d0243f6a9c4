"""What tells whether an input is still the one that was extracted."""

import contextlib
import dataclasses
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from utils.errors import UserError
from utils.sources.ref import VideoRef
from utils.storage.urls import is_url, redacted, resolve

ANSWER_S = 30.0  # a store that takes longer to say what it has counts as not knowing
STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "checksum", "sha256")


@dataclass(frozen=True)
class Fingerprint:
    """Where an input lies, and what changes when it does.

    path: without credentials. member, offset: of a tar member. segment: (start_s, end_s), None for a whole file.
    bytes: its size; mtime_ns: of a local file; stamp: the tag or time that a store gives; sha256: of bytes in memory.
    None for what cannot be told.
    """

    path: str = ""
    member: str = ""
    offset: int = 0
    segment: tuple[float | None, float | None] | None = None
    bytes: int | None = None
    mtime_ns: int | None = None
    stamp: str | None = None
    sha256: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest holds."""
        content: dict[str, Any] = {"path": self.path}
        if self.member:
            content |= {"member": self.member, "offset": self.offset}
        if self.segment is not None:
            content["segment"] = list(self.segment)
        content["bytes"] = self.bytes
        told = {"mtime_ns": self.mtime_ns, "stamp": self.stamp, "sha256": self.sha256}
        return content | {key: value for key, value in told.items() if value is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the fingerprint that a manifest holds; keys of other versions are passed over."""
        known = {spec.name: content[spec.name] for spec in dataclasses.fields(cls) if spec.name in content}
        if known.get("segment") is not None:
            start_s, end_s = known["segment"]
            known["segment"] = (start_s, end_s)
        return cls(**known)


def fingerprint(ref: VideoRef) -> Fingerprint:
    """Return the fingerprint of an input as it is now."""
    segment = None if ref.start_s is None and ref.end_s is None else (ref.start_s, ref.end_s)
    place = Fingerprint(redacted(ref.path), ref.member, ref.offset, segment)
    if ref.data is not None:
        return replace(place, bytes=len(ref.data), sha256=hashlib.sha256(ref.data).hexdigest())
    found = _at_address(place, ref.path) if is_url(ref.path) else _on_disk(place, ref.path)
    return replace(found, bytes=ref.size) if ref.member else found


def _on_disk(place: Fingerprint, path: str) -> Fingerprint:
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        return place
    return replace(place, bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)


def _at_address(place: Fingerprint, url: str) -> Fingerprint:
    info = _answer(url)
    stamp = next((str(info[name]) for name in STAMPS if info.get(name)), None)
    return replace(place, bytes=info.get("size"), stamp=stamp)


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
