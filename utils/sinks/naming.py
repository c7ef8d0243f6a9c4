"""Names of videos where a format gives some characters a special meaning."""

import hashlib
import itertools
import re
from collections.abc import Iterator

UNSAFE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")  # control characters, and what is not valid UTF-8
SKIPPED = re.compile(r"__[^/]*__/")  # webdataset passes over such folders


def valid_text(text: str) -> str:
    r"""Return text that any UTF-8 field holds: undecodable bytes of a path, and zeros, as \udc.. and \x00."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def group_paths(name: str) -> Iterator[str]:
    """Yield paths of an HDF5 group for a video, the best first: its name, then names in no folder, without end."""
    plain = "/".join(_component(part) for part in valid_text(name).split("/"))
    yield plain
    flat = plain.replace("/", "%2F")
    yield from (f"{flat}~{n}" for n in itertools.count(2))


def _component(part: str) -> str:
    """Return a name that HDF5 does not take for "here"."""
    return part.replace(".", "%2E") if part in (".", "..") else part or "%"


def sample_key(name: str, video_id: str) -> str:
    """Return the key of a WebDataset sample: it ends at the first dot of the last part, so that has none.

    A name that had to be changed gets eight digits of the id's SHA-256, since two names may come to the same.
    """
    *folders, last = [UNSAFE.sub("_", part) or "_" for part in name.split("/")]
    folders = ["_" if part in (".", "..") else part for part in folders]
    key = "/".join([*folders, last.replace(".", "_")])
    if SKIPPED.match(key):
        key = f"_{key.lstrip('_')}"
    if key == name:
        return key
    return f"{key}-{hashlib.sha256(video_id.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
