"""What identifies the content of an input, so that a later run notices that it has changed."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from utils.media.frame_folder import folder_stat
from utils.media.input import FrameArray
from utils.sources.ref import VideoRef
from utils.storage.urls import is_url, redacted, resolve

TIMEOUT_S = 30.0  # a store that does not answer within this time counts as one that knows nothing
STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "checksum", "sha256")


@dataclass(frozen=True)
class Fingerprint:
    """Where an input is, its size, and what changes with its content. Equal ones mean the same content.

    path: the local path or the address, without credentials; of a tar member, that of the tar.
    folder: that a relative path counts from; "" for other paths, and where versions up to 0.2.0 wrote the line. It may
        be another one where the content is the same: data sets are moved with their lists.
    member, offset: the member's name and its first byte in the tar; "" for other files.
    segment: the start and end in seconds, where only a part of the file is extracted.
    bytes: the size; None where the file cannot be seen. files: how many pictures a folder of frames has; bytes and
        mtime_ns are then those of all together and of the newest.
    mtime_ns: modification time of a local file. stamp: ETag or date of an address. sha256: of content in memory.
    inspected: False where nobody looked at the file, since that might hang.
    """

    path: str = ""
    member: str = ""
    offset: int = 0
    segment: tuple[float | None, float | None] | None = None
    bytes: int | None = None
    mtime_ns: int | None = None
    stamp: str | None = None
    sha256: str | None = None
    inspected: bool = True
    files: int | None = None
    folder: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """The whole path, or the address."""
        return os.path.join(self.folder, self.path)  # noqa: PTH118 - any text

    def to_json(self) -> dict[str, Any]:
        """Return the keys that a manifest line has for such an input."""
        about: dict[str, Any] = {"path": self.path}
        if self.folder:
            about["folder"] = self.folder
        if self.member:
            about |= {"member": self.member, "offset": self.offset}
        if self.segment is not None:
            about["segment"] = list(self.segment)
        if self.files is not None:
            about["files"] = self.files
        about["bytes"] = self.bytes
        if self.sha256 is not None:
            about["sha256"] = self.sha256
        elif self.inspected:
            about |= {"stamp": self.stamp} if is_url(self.path) else {"mtime_ns": self.mtime_ns}
        return about

    @classmethod
    def from_json(cls, about: Mapping[str, Any]) -> Self:
        """Return the fingerprint of a manifest line."""
        start_s, end_s = about.get("segment") or (None, None)
        return cls(
            about.get("path", ""),
            about.get("member", ""),
            about.get("offset", 0),
            None if start_s is None and end_s is None else (start_s, end_s),
            about.get("bytes"),
            about.get("mtime_ns"),
            about.get("stamp"),
            about.get("sha256"),
            inspected=any(name in about for name in ("mtime_ns", "stamp", "sha256")),
            files=about.get("files"),
            folder=about.get("folder", ""),
        )


def fingerprint(ref: VideoRef) -> Fingerprint:
    """Return the present fingerprint of an input."""
    segment = None if ref.start_s is None and ref.end_s is None else (ref.start_s, ref.end_s)
    n_bytes = mtime_ns = stamp = sha256 = n_files = None
    if isinstance(ref.data, FrameArray):
        n_bytes = ref.data.pixels.nbytes
    elif ref.data is not None:
        n_bytes, sha256 = len(ref.data), hashlib.sha256(ref.data).hexdigest()
    elif is_url(ref.path):
        n_bytes, stamp = _at_address(ref.path)
    else:
        n_files, n_bytes, mtime_ns = _on_disk(ref.path)
    if ref.member and ref.data is None:
        n_bytes = ref.size
    path, offset = redacted(ref.path), ref.offset if ref.member else 0
    about = {"files": n_files, "folder": counts_from(ref)}
    return Fingerprint(path, ref.member, offset, segment, n_bytes, mtime_ns, stamp, sha256, **about)


def counts_from(ref: VideoRef) -> str:
    """Return the folder that a relative path counts from; "" for other paths, and content that has none."""
    if is_url(ref.path) or os.path.isabs(ref.path) or (ref.data is not None and not ref.member):  # noqa: PTH117
        return ""
    with contextlib.suppress(OSError):  # the folder is gone
        return os.getcwd()  # noqa: PTH109 - a million times
    return ""


def _on_disk(path: str) -> tuple[int | None, int | None, int | None]:
    """Return number of pictures, bytes and modification time of a folder of frames; of a file, None and the other two.

    None for each that cannot be seen.
    """
    try:
        if (found := folder_stat(path)) is not None:
            return found
        stat = Path(path).stat()
    except (OSError, ValueError):
        return None, None, None
    return None, stat.st_size, stat.st_mtime_ns


def _at_address(url: str) -> tuple[int | None, str | None]:
    """Return the size in bytes and the stamp of a file; None for each if the store does not say."""
    info = _info(url)
    return info.get("size"), next((str(info[name]) for name in STAMPS if info.get(name)), None)


def _info(url: str) -> dict[str, Any]:
    """Return what the store knows of a file; nothing if it does not answer in time."""
    found: list[dict[str, Any]] = []

    def ask() -> None:
        with contextlib.suppress(Exception):  # file systems raise errors of any type
            filesystem, path = resolve(url)
            found.append(filesystem.info(path))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    return found[0] if found else {}
