"""Saved features to compare, of Featmill or of another program: which videos there are, and the arrays of each."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from utils.errors import UserError, VideoError
from utils.run.video_names import CROP, KEYS, key_at_end
from utils.sinks.foreign import READERS, Load, arrays_in, suffix_of
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.output import TIMES, features_in
from utils.sinks.readback import OutputReader
from utils.state.feature_folders import feature_folders
from utils.state.manifest import Latest
from utils.storage.folder import Folder, folder_at, subfolders
from utils.storage.urls import is_url, redacted

ONE_ARRAY = "features"  # the key of an array without a name
DEEPEST = 6  # folders within each other


@dataclass(frozen=True)
class Saved:
    """The features of one video by key. start_s, end_s: of each row, float64 [rows], where the pack has them."""

    features: Mapping[str, np.ndarray]
    start_s: np.ndarray | None = None
    end_s: np.ndarray | None = None
    fps: float | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], fps: float | None = None) -> "Saved":
        """Return arrays sorted into features and times; single numbers, such as clip_length, are left out."""
        rate = arrays.get("fps")
        return cls(
            {key: arrays[key] for key in features_in(arrays) if arrays[key].ndim},
            arrays.get("start_s"),
            arrays.get("end_s"),
            fps if rate is None or rate.size != 1 else float(rate.reshape(())),
        )

    @property
    def middle_s(self) -> np.ndarray | None:
        """The middle of each row in seconds, float64 [rows]."""
        return None if self.start_s is None or self.end_s is None else (self.start_s + self.end_s) / 2

    @property
    def hop_frames(self) -> float | None:
        """How many frames the rows are apart."""
        if self.start_s is None or self.fps is None or len(self.start_s) < 2:
            return None
        return round(float(np.median(np.diff(self.start_s))) * self.fps, 2)


class Pack(Protocol):
    """Videos by name, each read when it is asked for. place: for messages."""

    place: str

    @property
    def names(self) -> Sequence[str]:
        """The videos with features."""
        ...

    def read(self, name: str) -> Saved:
        """Return a video's features. VideoError or RunError if they cannot be read."""
        ...


def pack_at(path: str, feature_type: str | None, types: Set[str]) -> Pack:
    """Return what a folder, a file or an address holds.

    feature_type: which of several that Featmill wrote there. types: all feature types, by which files may be named.

    Raises:
        UserError: there are no features.
    """
    is_file = suffix_of(path) != "" and (is_url(path) or Path(path).is_file())
    if not is_file:
        if not is_url(path) and not Path(path).is_dir():
            raise UserError(f"{path}: no such folder, and no file of {', '.join(READERS)}")
        try:
            found = feature_folders(path)
        except UserError:  # no manifest
            found = []
        if found:
            packs = [OwnPack(*each) for each in found]
            return _of_type(path, [pack for pack in packs if pack.names] or packs, feature_type)
    parent, _, file = path.rpartition("/") if is_file else (path, "", "")
    return ForeignPack(parent or ("/" if path.startswith("/") else "."), [file] if file else None, KEYS | types)


def _of_type(path: str, packs: Sequence["OwnPack"], feature_type: str | None) -> "OwnPack":
    types = [pack.feature_type for pack in packs]
    wanted = [pack for pack in packs if feature_type in (None, pack.feature_type)]
    if len(wanted) != 1:
        raise UserError(f"{redacted(path)}: has features of {' and '.join(types)}: choose one by --feature_type")
    if not wanted[0].names:
        raise UserError(f"{wanted[0].place}: no video there has features")
    return wanted[0]


class OwnPack:
    """What Featmill wrote for one feature type, in any format."""

    def __init__(self, folder: Folder, root: Folder, latest: Latest) -> None:
        self.place = str(folder)
        self._latest = latest
        self._reader = OutputReader(folder, root)
        self._ids = {line.name: line.id for line in latest if line.outputs}
        self.feature_type = next((line.stamp.feature_type for line in latest), "")

    @property
    def names(self) -> Sequence[str]:
        """The videos with features."""
        return list(self._ids)

    def read(self, name: str) -> Saved:
        """Return a video's features. RunError if they cannot be read."""
        line = self.line(name)
        return Saved.of(self._reader.read(line.outputs), line.fps)

    def line(self, name: str) -> ManifestLine:
        """Return a video's manifest line."""
        line = self._latest.get(self._ids[name])
        if line is None:
            raise VideoError(f"{self.place}: {name}: its manifest line is gone")
        return line


@dataclass(frozen=True)
class _Part:
    """Arrays of a video: key and crop by the name of their file ("" and None where it does not say)."""

    key: str
    crop: int | None
    load: Callable[[], Mapping[str, Load]]


class ForeignPack:
    """Files of other programs. A file is a video, or holds many: an HDF5 file, or the only file there is.

    files: relative to the folder; None for all below it. keys: words that name an array, not a video.
    """

    def __init__(self, place: str, files: Sequence[str] | None, keys: Set[str]) -> None:
        self.place = redacted(f"{place}/{files[0]}" if files else place)
        self._folder = folder_at(place)
        self._keys = keys
        self._videos: dict[str, list[_Part]] = {}
        files = list(_files(place) if files is None else files)
        for file in files:
            if suffix_of(file) in (".h5", ".hdf5") or len(files) == 1:
                self._add_file_of_many(file)
            else:
                self._add(_stem(file), lambda file=file: arrays_in(self._folder, file))
        if not self._videos:
            raise UserError(f"{self.place}: no features: neither a manifest nor a file of {', '.join(READERS)}")

    @property
    def names(self) -> Sequence[str]:
        """The videos."""
        return list(self._videos)

    def read(self, name: str) -> Saved:
        """Return a video's features. VideoError if they cannot be read."""
        found: dict[str, dict[int | None, np.ndarray]] = {}
        for part in self._videos[name]:
            loads = part.load()
            for path, load in loads.items():
                word = path.rpartition("/")[2]
                by_file = part.key and len(loads) == 1 and word not in TIMES
                found.setdefault(part.key if by_file else word or ONE_ARRAY, {})[part.crop] = load()
        return Saved.of({key: _stacked(crops) for key, crops in found.items()})

    def _add(self, path: str, load: Callable[[], Mapping[str, Load]]) -> None:
        name, key, crop = self._split(path)
        self._videos.setdefault(name, []).append(_Part(key, crop, load))

    def _add_file_of_many(self, file: str) -> None:
        """Take each array, or each group of arrays, for a video, unless the arrays' names say that it is only one."""
        try:
            arrays = arrays_in(self._folder, file)
        except VideoError as error:
            raise UserError(str(error)) from error
        if all("/" not in path and (not path or self._is_key(path)) for path in arrays):
            self._add(_stem(file), lambda: arrays)
            return
        n_with = Counter(path.rpartition("/")[2] for path in arrays)
        for path, load in arrays.items():
            above, _, word = path.rpartition("/")
            if above and (n_with[word] > 1 or self._is_key(word)):
                self._add(above, lambda word=word, load=load: {word: load})
            else:
                self._add(path, lambda load=load: {"": load})

    def _is_key(self, word: str) -> bool:
        return word.lower() in self._keys or "feat" in word.lower() or word.startswith("arr_")

    def _split(self, path: str) -> tuple[str, str, int | None]:
        """Return the video, the key and the crop that a path without its suffix names."""
        crop = CROP.search(path)
        *folders, stem = path[: crop.start() if crop else None].split("/")
        key = next((word for word in folders if word.lower() in self._keys), "")
        folders = [word for word in folders if word != key]
        found = key_at_end(self._keys).search(stem)
        if found and found.start():
            stem, key = stem[: found.start()], found[1].lower()
        return "/".join([*folders, stem]), key, int(crop[1]) if crop else None


def _stem(file: str) -> str:
    return file.rpartition(".")[0]


def _stacked(crops: Mapping[int | None, np.ndarray]) -> np.ndarray:
    """Return one array of the files of a video's crops, [rows, crops, ...]."""
    ordered = [crops[crop] for crop in sorted(crops, key=lambda crop: -1 if crop is None else crop)]
    if len(ordered) == 1:
        return ordered[0]
    if len({array.shape for array in ordered}) > 1:
        raise VideoError(f"its crops have different shapes: {', '.join(str(list(each.shape)) for each in ordered)}")
    return np.stack(ordered, axis=1)


def _files(address: str, inside: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the files of features in a folder and those below it, hidden ones left out."""
    for name in folder_at(address).names(inside):
        if suffix_of(name) and not name.rpartition("/")[2].startswith("."):
            yield name
    if depth < DEEPEST:
        for folder in subfolders(f"{address.rstrip('/')}/{inside}"):
            yield from _files(address, f"{inside}{folder}/", depth + 1)
