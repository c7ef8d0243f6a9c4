"""The page as a folder of files, which opens from disk and from any web server."""

import os
from collections.abc import Iterator, Set
from pathlib import Path
from urllib.parse import quote

import numpy as np

from utils.errors import UserError
from utils.explore.view.collection import to_json
from utils.explore.view.documents import Document, Documents
from utils.explore.view.found import found_times_ms
from utils.explore.view.media import Clip
from utils.explore.view.server import ASSETS, PAGE, POLICY
from utils.explore.view.windows import nearest

MOST_WITH_NEAREST = 5000  # windows of a key, of which each gets its nearest ones: all pairs are compared


def export(documents: Documents, folder: Path) -> int:
    """Write the page with all its data into an empty folder; return how many files it has.

    Raises:
        UserError: the folder holds something, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"--export {folder}: is not empty; name a new folder")
        n_files = 0
        for name, content in _files(documents, folder):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            n_files += 1
    except OSError as error:
        raise UserError(f"--export {folder}: cannot be written ({error.strerror or error})") from error
    return n_files


def _files(documents: Documents, folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in ASSETS:
        content = (PAGE / name).read_bytes()
        yield name, _static(content) if name == "index.html" else content
    collection = documents.get("collection") or {}
    with_nearest: set[str] = set()
    yield _script("collection", collection)
    if documents.found is not None:
        yield _script("found", documents.found)
    for index, keys in enumerate(collection["keys"]):
        for key_number, key in enumerate(keys):
            for name in (f"{each}-{index}-{key_number}" for each in collection["maps"]):
                yield _script(name, documents.get(name) or {})
            for name, content in _nearest(documents, index, key_number, key):
                with_nearest.add(name)
                yield name, content
    for number in collection["videos"]["number"]:
        yield from _video(documents, number, folder, with_nearest)


def _static(page: bytes) -> bytes:
    """Return the page as it opens from a file: it says its policy itself, and finds its data in scripts."""
    policy = POLICY.partition("; frame-ancestors")[0]  # which only a server may say
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'.encode()
    return page.replace(b'<html lang="en"', b'<html lang="en" data-static', 1).replace(b"<head>", b"<head>\n" + meta, 1)


def _script(name: str, document: Document) -> tuple[str, bytes]:
    """Return a script that hands a document to the page: pages on disk may load no other data."""
    return f"data/{name}.js", b'featmill.arrived("' + name.encode() + b'",' + to_json(document) + b");\n"


def _video(documents: Documents, number: int, folder: Path, with_nearest: Set[str]) -> Iterator[tuple[str, bytes]]:
    document = documents.get(f"video-{number}") or {}
    clip = documents.clip(number)
    if clip is not None:
        document["player"] = _player(clip, folder)
        times = document.get("thumbs_ms", ())
        found = found_times_ms(documents.found or {}, number) if times else set()
        pictures = {time: documents.thumb(number, time) for time in sorted({*times, *found})}
        document["thumbs_ms"] = [time for time, content in pictures.items() if content]
        for time, content in pictures.items():
            if content:
                yield f"media/{number}/{time}.jpg", content
        if document.get("rate_hz"):
            yield _script(f"sound-{number}", documents.get(f"sound-{number}") or {})
        if document.get("has_frames"):
            yield _script(f"frames-{number}", documents.get(f"frames-{number}") or {})
    for key_number, key in enumerate(document.get("keys", ())):
        key["near"] = f"data/near-{number}-{key_number}.js" in with_nearest  # asking for others would be an error
        for row in key.get("flow", {}).get("rows", ()):
            content = documents.flow(number, key_number, row)
            if content is not None:
                yield f"media/{number}/flow-{key_number}-{row}.png", content
    yield _script(f"video-{number}", document)
    yield _script(f"pictures-{number}", {"thumbs_ms": document.get("thumbs_ms", [])})


def _player(clip: Clip, folder: Path) -> str | None:
    """Return the link that the player plays; None of what is no file of its own, or on another host."""
    if clip.offset or not clip.size or isinstance(clip.path, str):
        return None
    return quote(os.path.relpath(clip.path, folder.resolve()).replace(os.sep, "/"))


def _nearest(documents: Documents, index: int, key_number: int, key: str) -> Iterator[tuple[str, bytes]]:
    """Yield the nearest windows of each row of each video, where there are few windows."""
    numbers = dict(documents.collection.with_features(index))
    if sum(numbers.values()) > MOST_WITH_NEAREST:
        return
    state = documents.index(documents.collection.folders[index], key)
    windows = state.ready(wait=True)
    if windows is None:
        return
    for number in numbers:
        hits = {}
        for i in np.flatnonzero(windows.number == number):
            own = (number, float(windows.start_s[i]), float(windows.end_s[i]))
            hits[int(windows.row[i])] = nearest(state, windows.vectors[i], own)
        yield _script(f"near-{number}-{key_number}", {"rows": hits})
