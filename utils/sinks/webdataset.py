"""Tar files as the webdataset library reads them: features-000000.tar, …, a sample per video."""

import io
import json
import tarfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import BinaryIO

import numpy as np

from utils.sinks import rewritten
from utils.sinks.arrays import npy_info
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.naming import sample_key
from utils.sinks.numbered import Videos, merge_numbered
from utils.sinks.output import ArrayInfo, Output, store
from utils.sinks.stored_video import MergedVideo, StoredVideo
from utils.storage.folder import Folder
from utils.storage.json_text import parse_json

SUFFIX = ".tar"
END = bytes(1024)  # two blocks of zeros, with which a tar ends


def merge(
    folder: Folder,
    lines: Sequence[ManifestLine],
    kept: Iterable[ManifestLine],
    taken: Collection[str],
    only_full: bool = False,
) -> list[ManifestLine]:
    """Merge videos into files, see `merge_numbered`."""
    return merge_numbered(folder, lines, kept, taken, SUFFIX, (_write, TarOfFeatures, kind_of), only_full)


def kind_of(_line: ManifestLine) -> None:
    """Any videos may share a file."""


def _write(file: BinaryIO, videos: Videos, lines: Sequence[ManifestLine]) -> list[tuple[str, Mapping[str, ArrayInfo]]]:
    written: list[tuple[str, Mapping[str, ArrayInfo]]] = []
    used: set[str] = set()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for line in lines:
            key = sample_key(line.name, line.id)
            while key in used:
                key += "_"
            used.add(key)
            with videos.opened(line) as video:
                _add(tar, key, line, video)
            written.append((key, line.outputs[0].arrays))
    return written


def _add(tar: tarfile.TarFile, key: str, line: ManifestLine, video: StoredVideo) -> None:
    """Add a video's members, one after the other; the arrays are copied unchanged."""
    for name in video.keys:
        stream, n_bytes = video.raw(name)
        with stream:
            tar.addfile(_header(f"{key}.{name}.npy", n_bytes), stream)
    content = line.to_json() | {"meta": dict(line.meta)}
    about = {name: content[name] for name in ("id", "name", "source", "status", "reason", "fps", "windows", "meta")}
    data = json.dumps(about | {"features": video.features, "facts": video.attributes}).encode()
    tar.addfile(_header(f"{key}.json", len(data)), io.BytesIO(data))


def _header(name: str, n_bytes: int) -> tarfile.TarInfo:
    """Return a header that holds nothing of the machine and the moment, so that equal features are equal files."""
    header = tarfile.TarInfo(name)
    header.size, header.mtime, header.mode = n_bytes, 0, 0o644
    return header


def remove_places(folder: Folder, name: str, places: Collection[str]) -> None:
    """Rewrite a file without some samples; remove it if none are left."""
    try:
        old = TarOfFeatures(folder, name)
    except FileNotFoundError:
        return
    gone = set(places) & old.samples.keys()
    if not gone:
        return
    if gone == old.samples.keys():
        folder.remove(name)
        return

    def write(file: BinaryIO) -> None:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for key, members in old.samples.items():
                if key not in gone:
                    for suffix, member in members.items():
                        tar.addfile(_header(f"{key}.{suffix}", member.size), old.stream(member))

    rewritten.note(folder, name, store(folder, name, write).crc32)


def _split(name: str) -> tuple[str, str]:
    """Return key and suffix of a member: the key ends at the first dot of the last part."""
    folder, slash, last = name.rpartition("/")
    stem, _, suffix = last.partition(".")
    return f"{folder}{slash}{stem}", suffix


class TarOfFeatures:
    """One file, open for reading."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._stream = folder.open(name)
        self.n_bytes = self._stream.seek(0, 2)
        self._stream.seek(max(0, self.n_bytes - len(END)))
        if self._stream.read() != END:
            raise ValueError("it does not end as a tar does")
        self._stream.seek(0)
        self._samples: dict[str, dict[str, tarfile.TarInfo]] | None = None

    @property
    def samples(self) -> dict[str, dict[str, tarfile.TarInfo]]:
        """The members of each sample, by key and then suffix ("rgb.npy")."""
        if self._samples is None:
            self._stream.seek(0)
            found: dict[str, dict[str, tarfile.TarInfo]] = {}
            with tarfile.open(fileobj=self._stream, mode="r:") as tar:
                for member in tar:
                    key, suffix = _split(member.name)
                    found.setdefault(key, {})[suffix] = member
            self._samples = found
        return self._samples

    def stream(self, member: tarfile.TarInfo) -> BinaryIO:
        """Return the stream, which stands at the start of the member's bytes."""
        self._stream.seek(member.offset_data)
        return self._stream

    def holds(self, output: Output) -> bool:
        """Return whether the sample is in the file: sure if it is as long as it was, else it is looked for."""
        if self.n_bytes == output.bytes:
            return True
        sample = self.samples.get(output.place or "", {})
        return all(self._agrees(sample.get(f"{key}.npy"), info) for key, info in output.arrays.items())

    def _agrees(self, member: tarfile.TarInfo | None, info: ArrayInfo) -> bool:
        return member is not None and npy_info(self.stream(member)) == info

    def is_intact(self, output: Output) -> bool:
        """Return True: the file is compared whole."""
        return True

    def read(self, output: Output) -> dict[str, np.ndarray]:
        """Return the sample's arrays."""
        sample = self.samples[output.place or ""]
        return {
            key: np.lib.format.read_array(io.BytesIO(self.stream(member).read(member.size)), allow_pickle=False)
            for key in output.arrays
            for member in [sample[f"{key}.npy"]]
        }

    def video(self, output: Output) -> MergedVideo:
        """Return all that the sample holds."""
        member = self.samples[output.place or ""]["json"]
        about = parse_json(self.stream(member).read(member.size))
        return MergedVideo(about["features"], about["facts"], self.read(output))
