"""Safe output names and ids: whatever a source calls a video, nothing is written outside the output folder."""

import hashlib
import re
from typing import Any

from utils.storage.urls import redacted

PLAIN = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_ .+=@,()\[\]-]{0,79}/){0,5}[A-Za-z0-9_][A-Za-z0-9_ .+=@,()\[\]-]{0,79}")
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")
DRIVE = re.compile(r"([A-Za-z]):")
LONGEST_PART = 180  # bytes of the name of a folder or file: file systems allow 255, and a key and suffixes follow
LONGEST_NAME = 1000  # bytes of a name with its folders: file systems allow paths of 4096
HASH_DIGITS = 8
LONGEST_TEXT = 10_000  # characters of a value in the metadata, which is in every manifest line
MOST_VALUES = 1000
DEEPEST = 6


def without_suffix(name: str) -> str:
    """Return a name without its suffix, as pathlib defines it: "a.b.mp4" gives "a.b"."""
    start = name.rfind("/") + 1
    dot = name.rfind(".")
    return name[:dot] if start < dot < len(name) - 1 else name


def safe_name(text: str) -> str:
    """Return `text` as a relative path that stays inside its folder, and that file systems accept.

    Folders are kept. Control characters, backslashes and lone surrogates become "_", as do a leading dot of a folder or
    file (a parent folder, or a hidden file) and the colon of a drive letter; parts longer than 180 bytes and names
    longer than 1000 are shortened. A changed name gets a hash of the original, so that two names do not become one.
    """
    if PLAIN.fullmatch(text):
        return text
    parts = [_safe_part(part) for part in text.split("/") if part not in ("", ".")]
    if parts:
        parts[0] = DRIVE.sub(r"\1_", parts[0], count=1) if DRIVE.match(parts[0]) else parts[0]
    safe = "/".join(parts)
    if safe and safe == text and len(safe.encode()) <= LONGEST_NAME and all(map(_fits, parts)):
        return safe
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
    if len(safe.encode()) > LONGEST_NAME:
        parts = parts[-1:]
    *folders, last = parts or [""]
    kept = [folder if _fits(folder) else _cut(folder) for folder in folders]
    return "/".join([*kept, f"{_start(last)}-{digest}" if last else f"_-{digest}"])


def _safe_part(part: str) -> str:
    part = UNSAFE.sub("_", part)
    return f"_{part[1:]}" if part.startswith(".") else part


def _fits(part: str) -> bool:
    return len(part.encode()) <= LONGEST_PART


def _start(part: str) -> str:
    return part.encode()[: LONGEST_PART - HASH_DIGITS - 1].decode("utf-8", "ignore")


def _cut(part: str) -> str:
    return f"{_start(part)}-{hashlib.sha256(part.encode()).hexdigest()[:HASH_DIGITS]}"


def safe_id(text: str) -> str:
    """Return `text` without credentials, and with lone surrogates escaped."""
    if "://" in text:
        text = redacted(text)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def seconds_text(seconds: float | None, missing: str) -> str:
    """Return a number of seconds in its shortest form, such as "12" or "0.5"; `missing` for None."""
    return missing if seconds is None else f"{seconds:.12g}"


def as_json(value: Any, depth: int = DEEPEST) -> Any:
    """Return metadata as JSON fit for a manifest: without bytes and credentials, long texts shortened."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else "a huge integer"
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, bytes | bytearray | memoryview) or depth == 0:
        return None
    if isinstance(value, dict):
        items = list(value.items())[:MOST_VALUES]
        return {safe_id(str(key)[:LONGEST_TEXT]): as_json(item, depth - 1) for key, item in items}
    if isinstance(value, list | tuple):
        return [as_json(item, depth - 1) for item in value[:MOST_VALUES]]
    text = str(value)
    return safe_id(text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…")
