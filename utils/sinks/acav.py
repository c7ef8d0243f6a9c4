"""Result files of ACAV100M: <shard>.pkl for each tar shard, a list with a dict per clip and the features of all types.

Source of the layout: README and code of sangho-vision/acav100m (https://github.com/sangho-vision/acav100m),
feature_extraction, which name the same things differently: keys "readme" and "code".
"""

import itertools
import logging
import pickle
import posixpath
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from utils.sinks import rewritten, staging
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import UP, ArrayInfo, Output, checksum, describe, store
from utils.storage.array_pickle import load_arrays
from utils.storage.folder import Folder

SUFFIX = ".pkl"
ID_LENGTH = 11  # of a YouTube id, with which a clip's file name starts
VALUES = {"readme": "feat_array", "code": "array"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AcavNames:
    """How a row names the features of one type.

    kind: "visual" or "audio". model_key: ACAV100M's own name, which only its code writes.
    """

    extractor_name: str
    dataset: str
    kind: str
    model_key: str


ACAV = {
    "slowfast": AcavNames("SLOWFAST_8x8_R50", "kinetics-400", "visual", "layer_slow_fast"),
    "vggish": AcavNames("VGGish", "YouTube-8M", "audio", "layer_vggish"),
}


def acav_names(feature_type: str, kind: str = "visual") -> AcavNames:
    """Return ACAV100M's names of its two networks, and for any other the feature type. kind: "visual" or "audio"."""
    return ACAV.get(feature_type, AcavNames(feature_type, "", kind, feature_type))


@dataclass
class ClipRow:
    """One clip, whatever the keys are called.

    features: feature entries of each kind, in the keys of the file.
    """

    filename: str
    id: str
    segment: Any
    features: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"visual": [], "audio": []})

    def put(self, kind: str, entry: dict[str, Any]) -> None:
        """Add an entry, in place of an earlier one of the same network."""
        entries, same = self.features[kind], ("extractor_name", "dataset")
        for i, old in enumerate(entries):
            if all(old.get(key) == entry[key] for key in same):
                entries[i] = entry
                return
        entries.append(entry)


def merge_shards(
    root: Folder,
    shard: str,
    typed: Mapping[str, tuple[Folder, Sequence[ManifestLine]]],
    named: Mapping[str, AcavNames],
    keys: str = "readme",
    n_clips: int | None = None,
) -> dict[str, list[ManifestLine]]:
    """Write <shard>.pkl with the staged features of all types, and return the lines with new outputs by feature type.

    An earlier file keeps its rows. Rows are in the order of the tar; rows of clips without a line here come first. A
    clip that lacks one kind of features, such as one without sound, has an empty list of that kind.

    root: the folder of the file.
    typed: by feature type, its output folder and the shard's latest manifest lines. Those whose outputs are staged are
        merged, damaged ones left out; those that are merged already keep their rows' names and order.
    n_clips: what the code of ACAV100M writes as shard_size: the clips of the shard, whether they have features or not.
    """
    name = f"{shard}{SUFFIX}"
    waiting = {kind: _waiting(folder, lines) for kind, (folder, lines) in typed.items()}
    places = _places([line for _, lines in typed.values() for line in lines], keys)
    if not any(waiting.values()):
        return waiting
    rows = {row.filename: row for row in _earlier(root, name)}
    outputs: dict[str, list[Output]] = {}
    for kind, lines in waiting.items():
        folder = typed[kind][0]
        for line in lines:
            place = places[line.id]
            output = _put(rows.setdefault(place, _new_row(line, place)), folder, line, named[kind], keys)
            outputs.setdefault(kind, []).append(output)
    offsets = {places[line.id]: line.source.offset for _, lines in typed.values() for line in lines}
    ordered = sorted(rows.values(), key=lambda row: offsets.get(row.filename, -1))
    content = [_alike(_as_dict(row, shard, keys, n_clips or len(rows))) for row in ordered]
    rewritten.forget(root, name)
    stored = store(root, name, lambda file: pickle.dump(content, file))
    rewritten.note(root, name, stored.crc32)
    return {
        kind: [
            replace(line, outputs=(replace(output, file=f"{UP}{name}", bytes=stored.bytes),))
            for line, output in zip(lines, outputs.get(kind, []), strict=True)
        ]
        for kind, lines in waiting.items()
    }


def _waiting(folder: Folder, lines: Sequence[ManifestLine]) -> list[ManifestLine]:
    return staging.intact(folder, [line for line in lines if staging.is_staged(line.outputs[0])])


def _member(line: ManifestLine) -> str:
    """Return the file name of a clip in its tar."""
    return (line.source.member or line.name).removeprefix("./")


def _places(lines: Sequence[ManifestLine], keys: str) -> dict[str, str]:
    """Return what each clip is called in the file, by its id; of two clips of one name, the second keeps its folder."""
    places = {line.id: place for line in lines if (place := line.outputs[0].place) is not None}
    used = set(places.values())
    for line in sorted(lines, key=lambda line: line.source.offset):
        if line.id not in places:
            places[line.id] = next(place for place in _names(line, keys) if place not in used)
            used.add(places[line.id])
    return places


def _names(line: ManifestLine, keys: str) -> Iterator[str]:
    """Yield names for a clip, the best first, without end."""
    member, listed = _member(line), line.meta.get("filename")
    if keys == "readme" and isinstance(listed, str):
        yield listed
    for path in (posixpath.basename(member), member):
        yield path if keys == "readme" else posixpath.splitext(path)[0]
    yield from (f"{member}~{n}" for n in itertools.count(2))


def _new_row(line: ManifestLine, filename: str) -> ClipRow:
    stem = posixpath.basename(_member(line)).partition(".")[0]
    return ClipRow(filename, line.meta.get("id", stem[:ID_LENGTH]), line.meta.get("segment"))


def _put(row: ClipRow, folder: Folder, line: ManifestLine, names: AcavNames, keys: str) -> Output:
    """Add a staged clip's features to a row, and return where they are; the file is not written yet."""
    with staging.opened(folder, staging.staged_output(line)) as staged:
        arrays = {key: _vector(staged.array(key)) for key in staged.features}
    single = len(arrays) == 1 and not next(iter(arrays)).startswith("layer_")
    value: Any = next(iter(arrays.values())) if single else arrays
    entry = {"extractor_name": names.extractor_name, "dataset": names.dataset, VALUES[keys]: value}
    row.put(names.kind, {"model_key": names.model_key, **entry} if keys == "code" else entry)
    network = (names.kind, names.extractor_name, names.dataset)
    return Output("", 0, describe(arrays), row.filename, network, checksum(arrays))


def _vector(array: np.ndarray) -> np.ndarray:
    """Return the features of a clip, [D]: the mean over its windows and crops if it has several."""
    rows = array.reshape(-1, array.shape[-1])
    return rows[0].copy() if len(rows) == 1 else rows.mean(0, dtype=np.float64).astype(np.float32)


def _as_dict(row: ClipRow, shard: str, keys: str, n_clips: int) -> dict[str, Any]:
    if keys == "code":
        lists = {"video_features": row.features["visual"], "audio_features": row.features["audio"]}
        return lists | {"filename": row.filename, "shard_size": n_clips, "shard_name": shard}
    lists = {"visual_features": row.features["visual"], "audio_features": row.features["audio"]}
    return {"filename": row.filename, "id": row.id, "segment": row.segment} | lists


def _alike(value: Any) -> Any:
    """Return a copy with one object for equal texts, whose pickle is the same whether rows are new or were read."""
    if isinstance(value, dict):
        return {_alike(key): _alike(content) for key, content in value.items()}
    if isinstance(value, list):
        return [_alike(content) for content in value]
    if isinstance(value, np.ndarray):
        return value.astype(np.dtype(value.dtype.str))  # the one object of its type
    return sys.intern(value) if type(value) is str else value


def _earlier(root: Folder, name: str) -> list[ClipRow]:
    """Return the rows that the file has so far; a damaged one has none, and its clips are extracted again."""
    try:
        if rewritten.is_damaged(root, name):
            raise ValueError("it has changed since it was written")
        with root.open(name) as file:
            return [_row(entry) for entry in load_arrays(file)]
    except FileNotFoundError:
        return []
    except (ValueError, LookupError, TypeError) as error:
        log.warning("%s/%s is damaged (%s), so a new one takes its place", root, name, error)
        return []


def _row(entry: Mapping[str, Any]) -> ClipRow:
    """Return a row of either layout."""
    visual = entry["visual_features"] if "visual_features" in entry else entry["video_features"]
    filename = entry["filename"]
    features = {"visual": list(visual), "audio": list(entry["audio_features"])}
    return ClipRow(filename, entry.get("id", filename[:ID_LENGTH]), entry.get("segment"), features)


class ShardFile:
    """One result file, in memory."""

    n_bytes = None

    def __init__(self, root: Folder, name: str) -> None:
        with root.open(name) as file:
            self._rows = {row.filename: row for row in map(_row, load_arrays(file))}

    def holds(self, output: Output) -> bool:
        """Return whether the clip's row has the features of this type."""
        if output.place not in self._rows:
            return False
        arrays = self.read(output)
        return arrays.keys() == output.arrays.keys() and all(
            ArrayInfo.of(arrays[key]) == info for key, info in output.arrays.items()
        )

    def is_intact(self, output: Output) -> bool:
        """Return whether the clip's features of this type have their checksum."""
        return checksum(self.read(output)) == output.crc32

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return the clip's features of this type; nothing if the row has none."""
        if output.network is None or output.place is None:
            return {}
        kind, *network = output.network
        for entry in self._rows[output.place].features[kind]:
            if [entry["extractor_name"], entry["dataset"]] == network:
                value = entry[VALUES["readme"] if VALUES["readme"] in entry else VALUES["code"]]
                values: Mapping[str, Any] = value if isinstance(value, dict) else dict.fromkeys(output.arrays, value)
                return {str(key): np.asarray(array) for key, array in values.items()}
        return {}
