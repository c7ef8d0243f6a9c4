"""Saved features as other tools open them: Rerun, Embedding Atlas, FiftyOne."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from utils.config.words import counted
from utils.errors import UserError
from utils.explore.view.documents import Document, Documents
from utils.explore.view.numbers import clusters, principal
from utils.explore.view.windows import CLUSTERS, WindowVectors, read_windows
from utils.sources.names import safe_name

MOST_WINDOWS = 100_000  # of a key in an Embedding Atlas; more are evenly chosen
WITH_NEIGHBOURS = 20_000  # windows, all pairs of which are compared
NEIGHBOURS = 10
ROWS = 1024  # compared at once


def hand_over(documents: Documents, tool: str, folder: Path) -> str:
    """Write what a tool opens into an empty folder, and return the command or the lines of Python that open it.

    Raises:
        UserError: the folder holds something or cannot be written, or the tool needs what is not there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"--export {folder}: is not empty; name a new folder")
        return TOOLS[tool](documents, folder)
    except OSError as error:
        raise UserError(f"--export {folder}: cannot be written ({error.strerror or error})") from error


def _videos(documents: Documents) -> Iterator[Document]:
    """Yield the document of each video."""
    collection = documents.get("collection") or {}
    for number in collection["videos"]["number"]:
        document = documents.get(f"video-{number}")
        if document is not None:
            yield document


def to_rerun(documents: Documents, folder: Path) -> str:
    """Write a recording per video and feature type, with pictures, curves and flow on the timeline "video"."""
    try:
        import rerun  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError as error:
        raise UserError("--to rerun needs Rerun's SDK: pip install rerun-sdk") from error
    for about in _videos(documents):
        recording = rerun.RecordingStream("featmill")
        recording.send_recording_name(f"{about['name']} ({about['type']})")
        recording.save(folder / f"{about['number']}_{about['type']}_{safe_name(about['name'].replace('/', '_'))}.rrd")
        _pictures(rerun, recording, documents, about)
        for number, key in enumerate(about["keys"]):
            _key(rerun, recording, key, lambda row, i=number, of=about["number"]: documents.flow(of, i, row))
        for found in about.get("classes", ()):
            pairs = zip(found["best"], found["scores"], strict=True)
            texts = [f"{found['names'][best[0]]} {score[0]}" for best, score in pairs if best]
            _log(rerun, recording, f"{found['key']}/class", found["start_s"], rerun.TextLog.columns(text=texts))
        recording.flush()
        recording.disconnect()
    return f"rerun {folder}/*.rrd"


def _log(rerun: Any, recording: Any, entity: str, times_s: list[float], columns: Any) -> None:
    if len(times_s):
        recording.send_columns(entity, [rerun.TimeColumn("video", duration=times_s)], columns)


def _pictures(rerun: Any, recording: Any, documents: Documents, about: Document) -> None:
    pictures = {time: documents.thumb(about["number"], time) for time in about["thumbs_ms"]}
    known = {time / 1000: content for time, content in pictures.items() if content}
    types = ["image/jpeg"] * len(known)
    columns = rerun.EncodedImage.columns(blob=list(known.values()), media_type=types)
    _log(rerun, recording, "video", list(known), columns)


def _key(rerun: Any, recording: Any, key: Document, picture: Callable[[int], bytes | None]) -> None:
    """Log what the page draws of one key."""
    name, start_s = key["key"], key["start_s"]
    if key.get("change"):
        _log(rerun, recording, f"{name}/change", start_s[1:], rerun.Scalars.columns(scalars=key["change"]))
        matrix = key["similarity"]
        values = np.frombuffer(base64.b64decode(matrix["values"]), np.uint8)
        recording.log(f"{name}/self_similarity", rerun.Image(values.reshape(matrix["n"], -1)), static=True)
    for i, column in enumerate(key.get("components", ())):
        _log(rerun, recording, f"{name}/component_{i + 1}", start_s, rerun.Scalars.columns(scalars=column))
    if "flow" in key:
        speed = [np.nan if value is None else value for value in key["flow"]["speed"]]
        _log(rerun, recording, f"{name}/speed", start_s, rerun.Scalars.columns(scalars=speed))
        rows = {row: picture(row) for row in key["flow"]["rows"]}
        times_s = [start_s[row // key["step"]] for row, content in rows.items() if content is not None]
        blobs = [content for content in rows.values() if content is not None]
        columns = rerun.EncodedImage.columns(blob=blobs, media_type=["image/png"] * len(blobs))
        _log(rerun, recording, f"{name}/flow", times_s, columns)


def to_embedding_atlas(documents: Documents, folder: Path) -> str:
    """Write a Parquet file per feature type and key, with a row per window."""
    commands: list[str] = []
    for index, owner in enumerate(documents.collection.folders):
        for key in documents.keys(index):
            windows = read_windows(documents.collection, index, key, None, MOST_WINDOWS)
            if not len(windows.row):
                continue
            path = folder / f"{safe_name(f'{owner.feature_type}_{key}'.replace('/', '_'))}.parquet"
            flags = _write_table(documents, index, key, windows, path)
            commands.append(f"embedding-atlas {path} --x x --y y {flags}")
    if not commands:
        raise UserError("--to embedding-atlas: there are no windows that a map can show")
    return "\n".join(commands)


def _write_table(documents: Documents, index: int, key: str, windows: WindowVectors, path: Path) -> str:
    """Write the windows of one key; return the flags that name the columns that not every file has."""
    import pyarrow as pa
    from pyarrow import parquet

    scores, _ = principal(windows.vectors, CLUSTERS)
    columns = documents.collection.columns_of(windows.number.tolist())
    names = documents.classes_of(index, key, windows)
    names_of_videos = columns.pop("name")
    moments = [f"{name}, {start:.2f} s" for name, start in zip(names_of_videos, windows.start_s.tolist(), strict=True)]
    table = {
        **columns, "x": scores[:, 0], "y": scores[:, 1], "video": names_of_videos, "row": windows.row,
        "start_s": windows.start_s, "end_s": windows.end_s, "moment": moments,
        "cluster": [f"cluster {i + 1}" for i in clusters(scores, CLUSTERS)],
    }  # fmt: skip
    flags = "--text moment"
    if any(names):
        table["class"] = names
    if len(windows.row) <= WITH_NEIGHBOURS:
        table["neighbors"] = neighbours(windows.vectors)
        flags += " --neighbors neighbors"
    if documents.media.is_on:
        pictures = _pictures_of(documents, windows)
        table["picture"] = [None if content is None else {"bytes": content} for content in pictures]
        flags += " --image picture"
    parquet.write_table(pa.table(table), path)
    return flags


def neighbours(vectors: np.ndarray) -> list[dict[str, list[Any]]]:
    """Return the windows most like each window, itself left out, in the form that Embedding Atlas reads."""
    found: list[dict[str, list[Any]]] = []
    n = min(NEIGHBOURS, len(vectors) - 1)
    for start in range(0, len(vectors), ROWS):
        cosines = vectors[start : start + ROWS] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf
        best = np.argsort(-cosines, axis=1)[:, :n]
        far = 1 - np.take_along_axis(cosines, best, axis=1).astype(np.float64)
        found += [{"ids": ids, "distances": each} for ids, each in zip(best.tolist(), far.tolist(), strict=True)]
    return found


def _pictures_of(documents: Documents, windows: WindowVectors) -> Iterator[bytes | None]:
    """Yield the picture of each window: the last of its video's that is not after its start."""
    times: dict[int, list[int]] = {}
    for number, start_s in zip(windows.number.tolist(), windows.start_s.tolist(), strict=True):
        if number not in times:
            times[number] = (documents.get(f"pictures-{number}") or {}).get("thumbs_ms", [])
        before = [time for time in times[number] if time <= 1000 * start_s + 1] or times[number][:1]
        yield (documents.thumb(number, before[-1]) or None) if before else None


def to_fiftyone(documents: Documents, folder: Path) -> str:
    """Write a FiftyOneTemporalDetectionDataset per feature type: each window a span with its class, or its cluster."""
    if not documents.media.is_on:
        raise UserError("--to fiftyone shows videos: give --videos FOLDER, the folder in which they are")
    data: dict[str, dict[str, str]] = {}
    labels: dict[str, dict[str, list[Document]]] = {}
    n_left_out = 0
    for about in _videos(documents):
        clip = documents.clip(about["number"])
        key = next((key for key in about["keys"] if key["times_known"]), None)
        if clip is not None and clip.size and not clip.offset and about["thumbs_ms"] and key is not None:
            identity = str(about["number"])  # what FiftyOne takes for a file's suffix is no part of it
            data.setdefault(about["type"], {})[identity] = str(clip.path)
            labels.setdefault(about["type"], {})[identity] = _spans(about, key)
        elif key is not None:  # FiftyOne imports nothing of a data set with a file that it cannot open as a video
            n_left_out += 1
    for feature_type, files in data.items():
        home = folder / safe_name(feature_type)
        home.mkdir(parents=True)
        (home / "data.json").write_text(json.dumps(files, indent=1))
        (home / "labels.json").write_text(json.dumps({"classes": None, "labels": labels[feature_type]}, indent=1))
    if not data:
        raise UserError("--to fiftyone: no video with windows is a separate file in the folder of --videos")
    about = 'dataset_type=fiftyone.types.FiftyOneTemporalDetectionDataset, data_path="data.json"'
    lines = [f'fiftyone.Dataset.from_dir("{folder / safe_name(name)}", {about})' for name in data]
    left_out = f"# left out: {counted(n_left_out, 'video')} without pictures, or that are no files of their own"
    return "\n".join(lines + ([left_out] if n_left_out else []))


def _spans(about: Document, key: Document) -> list[Document]:
    """Return the windows of a key as FiftyOne's labels. The label is the best class; without any, the key."""
    found = next((each for each in about.get("classes", ()) if each["key"] == key["key"]), None)
    spans: list[Document] = []
    for i, (start_s, end_s, to_s) in enumerate(zip(key["start_s"], key["end_s"], key["to_s"], strict=True)):
        span = [start_s, max(end_s, to_s)]  # a frame lasts until the next
        label: Document = {"label": key["key"], "timestamps": span, "attributes": {"row": i * key["step"]}}
        if found is not None and i < len(found["best"]):
            label |= {"label": found["names"][found["best"][i][0]], "confidence": found["scores"][i][0]}
        spans.append(label)
    return spans


TOOLS = {"fiftyone": to_fiftyone, "rerun": to_rerun, "embedding-atlas": to_embedding_atlas}
