"""All that the page asks for, by name: JSON documents, pictures, and which file a video is."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from utils.errors import FeatmillError
from utils.explore.view.classes import Labels, best_names, label_track, of_windows, saved_tracks
from utils.explore.view.collection import DAMAGE, Collection, FeatureFolder
from utils.explore.view.flow import is_flow, picture
from utils.explore.view.frames import can_count, frames_document
from utils.explore.view.media import Clip, MediaFolder, thumb_times_ms, web_address
from utils.explore.view.series import full_speed, notes_of, row_cosines, series_of
from utils.explore.view.windows import (
    MAPPED,
    MAPPED_VIDEOS,
    WindowIndex,
    WindowVectors,
    are_vectors,
    has_umap,
    map_of,
    nearest,
    read_windows,
    rows_of,
    times_of,
)
from utils.sinks.manifest_line import WITH_OUTPUTS, ManifestLine
from utils.sinks.output import ArrayInfo
from utils.sinks.rows import unit, vectors

MOST_KEPT_BYTES = 1 << 29
NAMES = re.compile(
    r"(collection|state|found|video-(\d+)|pictures-(\d+)|frames-(\d+)|sound-(\d+)|u?map-(\d+)-(\d+)|near-(\d+)-(\d+)-(\d+))"
)
Document = dict[str, Any]


class Documents:
    """Answers what the page asks. Many threads may ask.

    other: another output of the same videos, to compare with. labels: by feature type.
    found: what a search found, as its view shows it.
    """

    def __init__(
        self,
        collection: Collection,
        media: MediaFolder,
        other: Collection | None = None,
        labels: Mapping[str, Labels] | None = None,
        found: Document | None = None,
    ) -> None:
        self.collection, self.media, self.other, self.labels = collection, media, other, labels or {}
        self.found = found
        self._indexes: dict[tuple[str, str], WindowIndex] = {}
        self._maps: dict[tuple[str, int, str, bool], Document] = {}
        self._last: tuple[tuple[str, str, int], dict[str, np.ndarray]] | None = None
        self._lock, self._map_lock = threading.Lock(), threading.Lock()

    def get(self, name: str) -> Document | None:
        """Return a document; None if there is none of this name."""
        found = NAMES.fullmatch(name)
        if found is None:
            return None
        numbers = [int(digits) for digits in found.groups()[1:] if digits is not None]
        make: Callable[..., Document | None] = getattr(self, f"_{name.partition('-')[0]}")
        return make(*numbers)

    def _found(self) -> Document | None:
        return self.found

    def _state(self) -> Document:
        return {"version": self.collection.version}

    def _collection(self) -> Document:
        self.collection.reload()
        keys = [self.keys(index) for index in range(len(self.collection.folders))]
        other = None if self.other is None else self.other.as_json()["place"]
        maps = ["map", "umap"] if has_umap() else ["map"]
        return {**self.collection.as_json(), "keys": keys, "maps": maps, "first_map": self.first_map(),
                "has_media": self.media.is_on, "other": other, "found": self.found is not None}  # fmt: skip

    def keys(self, index: int) -> list[str]:
        """Return the keys of a feature type that can be mapped: those of its first video with features."""
        return list(self._features(index))

    def first_map(self) -> str:
        """Return "TYPE-KEY", by their numbers, of the map that the page begins with: not of flow, which none shows."""
        found = [
            (f"{index}-{key}", info)
            for index in range(len(self.collection.folders))
            for key, info in enumerate(self._features(index).values())
        ]
        return next((name for name, info in found if not is_flow(info.shape)), "0-0")

    def _features(self, index: int) -> dict[str, ArrayInfo]:
        numbers = self.collection.with_features(index)[:1]
        place = self.collection.place(numbers[0][0]) if numbers else None
        return {} if place is None else dict(place[1].features)

    def _key(self, index: int, key: int) -> str | None:
        keys = self.keys(index) if index < len(self.collection.folders) else []
        return keys[key] if key < len(keys) else None

    def _umap(self, index: int, key_number: int) -> Document | None:
        return self._map(index, key_number, by_umap=True) if has_umap() else None

    def _map(self, index: int, key_number: int, by_umap: bool = False) -> Document | None:
        key = self._key(index, key_number)
        if key is None:
            return None
        cached = (self.collection.version, index, key, by_umap)
        if cached in self._maps:  # without waiting for UMAP
            return self._maps[cached]
        with self._map_lock:
            if cached not in self._maps:
                self._maps = {kept: value for kept, value in self._maps.items() if kept[0] == cached[0]}
                windows = read_windows(self.collection, index, key, MAPPED_VIDEOS, MAPPED)
                names = self.classes_of(index, key, windows)
                self._maps[cached] = map_of(windows, by_umap) | ({"classes": names} if any(names) else {})
        return self._maps[cached]

    def classes_of(self, index: int, key: str, windows: WindowVectors) -> list[str]:
        """Return the best class of each window: of the labels that the user gave, else of those that were saved."""
        labels = self.labels.get(self.collection.folders[index].feature_type)
        if labels is not None and labels.fit(windows.vectors):
            return [labels.names[i] for i in labels.cosines(windows.vectors).argmax(axis=1)]
        places = {number: self.collection.place(number) for number in np.unique(windows.number).tolist()}
        best = {number: best_names(*place, key) for number, place in places.items() if place is not None}
        return of_windows(windows.number, windows.row, best)

    def _video(self, number: int) -> Document | None:
        place = self.collection.place(number)
        if place is None:
            return None
        folder, line = place
        clip = self.media.find(line.source)
        about = {
            "number": number, "name": line.name, "type": folder.feature_type, "status": line.status,
            "notes": notes_of(line), "path": line.source.path,
            "link": web_address(line.source.path), "fps": line.fps, "rate_hz": line.rate_hz,
            "meta": dict(line.meta), "seconds": dict(line.seconds),
            "is_found": clip is not None, "has_frames": can_count(clip, line),
            "sampled_fps": folder.sampled_fps(line), **self._pictures(number),
        }  # fmt: skip
        return about | self._series(folder, line, about["length_s"])

    def _pictures(self, number: int) -> Document:
        """Return what of the video itself can be shown."""
        clip = self.clip(number)
        if clip is None:
            return {"player": None, "thumbs_ms": [], "length_s": 0}
        player = f"media/{number}/video" if clip.size else None
        try:
            length_s = self.media.length_s(clip)
        except DAMAGE:  # sound alone, or damaged
            return {"player": player, "thumbs_ms": [], "length_s": 0}
        return {"player": player, "thumbs_ms": thumb_times_ms(length_s), "length_s": round(length_s, 3)}

    def _read(self, folder: FeatureFolder, line: ManifestLine) -> dict[str, np.ndarray]:
        """Return a video's arrays; the last ones are kept, since the page asks for many pictures of a flow."""
        which = (str(folder.folder), line.id, line.revision)
        last = self._last
        if last is not None and last[0] == which:
            return last[1]
        arrays = folder.read(line)
        if sum(array.nbytes for array in arrays.values()) < MOST_KEPT_BYTES:
            self._last = (which, arrays)
        return arrays

    def _series(self, folder: FeatureFolder, line: ManifestLine, length_s: float) -> Document:
        if line.status not in WITH_OUTPUTS:
            return {"keys": []}
        try:
            arrays = self._read(folder, line)
            found = series_of(line, arrays, length_s)
        except DAMAGE as error:
            return {"keys": [], "error": str(error) or type(error).__name__}
        about: Document = {"keys": found, "classes": []}
        for part in (
            lambda: {"classes": self._class_tracks(folder, line, arrays, length_s)},
            lambda: self._compared(line, arrays, folder.feature_type, length_s),
        ):
            try:
                about |= part()
            except DAMAGE as error:  # the rest can be shown
                about["error"] = str(error) or type(error).__name__
        return about

    def _class_tracks(
        self, folder: FeatureFolder, line: ManifestLine, arrays: dict[str, np.ndarray], length_s: float
    ) -> list[Document]:
        tracks = saved_tracks(folder, line)
        labels = self.labels.get(folder.feature_type)
        if labels is None:
            return tracks
        for key in line.features:
            rows = rows_of(arrays[key], line)
            if labels.fit(rows):
                tracks.append(label_track(labels, key, rows, times_of(arrays, len(rows), line, length_s)[:2], line.fps))
        return tracks

    def _compared(
        self, line: ManifestLine, arrays: dict[str, np.ndarray], feature_type: str, length_s: float
    ) -> Document:
        """Return the other output of a video, with the cosines of its rows with ours at the same times."""
        number = None if self.other is None else self.other.numbers_of(feature_type).get(line.name)
        place = None if self.other is None or number is None else self.other.place(number)
        if place is None or place[1].status not in WITH_OUTPUTS:
            return {}
        folder, other = place
        theirs = folder.read(other)
        cosines = {}
        for key in (key for key in line.features if key in theirs):
            rows, others = rows_of(arrays[key], line), rows_of(theirs[key], other)
            both = ((arrays, rows, line), (theirs, others, other))
            times = (times_of(has, len(each), of, length_s)[:2] for has, each, of in both)
            cosines[key] = row_cosines(rows, others, *((start_s + end_s) / 2 for start_s, end_s in times))
        classes = self._class_tracks(folder, other, theirs, length_s)
        return {"other": {"keys": series_of(other, theirs, length_s), "cosines": cosines, "classes": classes}}

    def _frames(self, number: int) -> Document | None:
        place, clip = self.collection.place(number), self.clip(number)
        return None if place is None or clip is None else frames_document(self.media, clip, *place)

    def _sound(self, number: int) -> Document | None:
        clip = self.clip(number)
        if clip is None:
            return None
        try:
            return self.media.sound(clip)
        except FeatmillError as error:
            return {"error": str(error)}

    def _near(self, number: int, key_number: int, row: int) -> Document | None:
        place = self.collection.place(number)
        if place is None:
            return None
        keys = list(place[1].features)
        if key_number >= len(keys):
            return None
        key = keys[key_number]
        if not self.collection.is_whole:
            return {"listing": True}
        index = self.index(place[0], key)
        windows = index.ready()
        if windows is None:
            return {"read": index.progress.read, "of": index.progress.n_videos}
        arrays = self._read(*place)
        rows = rows_of(arrays[key], place[1])
        if row >= len(rows):
            return None
        start_s, end_s, _ = times_of(arrays, len(rows), place[1])
        vector = unit(vectors(rows[row : row + 1]))[0] if are_vectors(rows) else np.zeros(0)
        if len(vector) and not vector.any():
            return {"hits": [], "note": "A row of zeros, NaN or infinity points nowhere, so none is near it."}
        if len(vector) != windows.vectors.shape[1]:
            return {"hits": [], "note": "These rows are of another size or kind than those of the collection."}
        return {"hits": nearest(index, vector, (number, float(start_s[row]), float(end_s[row])))}

    def index(self, folder: FeatureFolder, key: str) -> WindowIndex:
        """Return all windows of a key, as far as they are read."""
        place = (str(folder.folder), key)
        with self._lock:
            known = self._indexes.get(place)
            if known is None or known.is_outdated():
                self._indexes[place] = WindowIndex(self.collection, self.collection.folders.index(folder), key)
            return self._indexes[place]

    def clip(self, number: int) -> Clip | None:
        """Return the file of a video, None if it is not in the user's folder."""
        place = self.collection.place(number)
        return None if place is None else self.media.find(place[1].source)

    def thumb(self, number: int, time_ms: int) -> bytes | None:
        """Return a picture of a video as JPEG: empty where the file is damaged, None if there is no such video."""
        clip = self.clip(number)
        try:
            return None if clip is None else self.media.thumb(clip, time_ms)
        except DAMAGE:
            return b""

    def flow(self, number: int, key_number: int, row: int) -> bytes | None:
        """Return a flow field as PNG."""
        place = self.collection.place(number)
        keys = [] if place is None else list(place[1].features)
        if place is None or key_number >= len(keys):
            return None
        try:
            rows = rows_of(self._read(*place)[keys[key_number]], place[1])
        except DAMAGE:
            return None
        return picture(rows[row], full_speed(rows)) if is_flow(rows.shape) and row < len(rows) else None
