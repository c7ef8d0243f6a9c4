"""Whether a manifest line is of a video of this run, or of another one that has its id, or outputs of its name."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeGuard

from utils.config.words import counted
from utils.sinks.manifest_line import WITH_OUTPUTS, ManifestLine
from utils.sources.base import is_there
from utils.sources.fingerprint import Fingerprint, counts_from, fingerprint
from utils.sources.names import safe_id
from utils.sources.ref import VideoRef
from utils.storage.urls import is_url, redacted

SHOWN = 20  # changes that are named one by one

Line = tuple[VideoRef | None, ManifestLine | None]  # what a feature type takes of a video, and the last line there


def is_of_another(line: ManifestLine, ref: VideoRef) -> bool:
    """Return whether a line is of another video than `ref`, with its id or its name.

    Not another video are a file that changed in its place, however its path is written, one that was copied with its
    times, one that was moved from where none is any more, and whatever has the same id in a list.
    """
    then, folder = line.source, counts_from(ref)
    if (then.path, then.folder or folder) == (redacted(ref.path), folder) or (ref.has_id and line.id == ref.id):
        return False
    now = fingerprint(ref)
    if now.bytes is not None and replace(now, path=then.path) == then:
        return False
    if then.member == now.member and _is_one_file(then, now):
        return False
    return _is_there(now) and _is_there(then)


def told_apart(ref: VideoRef, lines: Iterable[Line]) -> VideoRef:
    """Return a video, called by its whole path where its id is that of another one.

    Relative paths are equal in different working folders, or below different folders of --video_root. lines: of each
    feature type, the last one with its id.
    """
    if not any(part is not None and _has_outputs(line) and is_of_another(line, part) for part, line in lines):
        return ref
    path = redacted(ref.path)
    if ref.id.startswith(path):
        end = ref.id[len(path) :]  # the member of a tar, the segment
    else:
        end = f"#{ref.id.rpartition('#')[2]}" if ref.start_s is not None or ref.end_s is not None else ""
    own = safe_id(f"{os.path.join(counts_from(ref), path)}{end}")  # noqa: PTH118 - any text
    return replace(ref, id=own, audio=ref.audio and replace(ref.audio, id=own))


class Changes:
    """Videos that are not what earlier features of them were made of. n: how many. first: of them, in words."""

    def __init__(self) -> None:
        self.n = 0
        self.first: list[str] = []

    def note(self, lines: Iterable[Line]) -> None:
        """Note a video whose features are made again, if it is one. lines: as for `told_apart`."""
        found = (_change(part, line) for part, line in lines if part is not None and _has_outputs(line))
        change = next(filter(None, found), "")
        self.n += bool(change)
        if change and len(self.first) < SHOWN:
            self.first.append(change)


def _change(ref: VideoRef, line: ManifestLine) -> str:
    """Return how a video differs from what the features of a line were made of; "" where it does not."""
    then, now = line.source, fingerprint(ref)
    if now.bytes is None or then == now:
        return ""
    moved = then.path != now.path or then.folder not in ("", now.folder)
    found = [f"{then.place} then"] if moved else []
    if then.segment != now.segment:
        found.append("another segment")
    if then.bytes not in (None, now.bytes):
        found.append(f"{counted(then.bytes, 'byte')} then, {now.bytes} now")
    elif (then.member, then.offset) != (now.member, now.offset):
        found.append("another place in its file")
    return f"{ref.label}: {'; '.join(found) or 'modified since'}"


def _has_outputs(line: ManifestLine | None) -> TypeGuard[ManifestLine]:
    return line is not None and line.status in WITH_OUTPUTS


def _is_one_file(one: Fingerprint, other: Fingerprint) -> bool:
    if is_url(one.path) or is_url(other.path):
        return one.path == other.path
    with contextlib.suppress(OSError, ValueError):  # one is not there
        return os.path.samefile(one.place, other.place)  # noqa: PTH121 - any text
    return False


def _is_there(source: Fingerprint) -> bool:
    """Return whether an input is where it was, or nobody can say."""
    return source.sha256 is not None or is_url(source.path) or is_there(source.place)
