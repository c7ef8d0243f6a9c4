"""What a source yields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from utils.media.input import BytesFile, FileRange, MediaSource, UrlFile
from utils.storage.urls import is_url, redacted


@dataclass(frozen=True, slots=True)
class VideoRef:
    """One input.

    id: stable name in the manifest, by which a later run knows the video: the path as it was given, or the id of a
        list or data set. Holds no credentials.
    name: what its outputs are called, relative to the output folder, without the key and the suffix.
    path: the file to open: a local path, or an address that fsspec opens. Of a tar member, the tar.
    start_s, end_s: the segment to extract, in seconds of the video's own time; None for its start and its end.
    member, offset, size: of a tar member: its name, and which bytes of the tar it is.
    data: the file itself, where the source holds it in memory.
    shard: the shard that it came from, such as "shard-000003"; empty where there is none.
    meta: what the source knows of it besides, as JSON: columns of a list, metadata of a shard.
    refused: why the source cannot offer it, as (status, reason): recorded as it is, nothing is opened.
    """

    id: str
    name: str
    path: str
    start_s: float | None = None
    end_s: float | None = None
    member: str = ""
    offset: int = 0
    size: int | None = None
    data: bytes | None = field(default=None, repr=False)
    shard: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict, compare=False)
    refused: tuple[Literal["skipped", "failed"], str] | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return redacted(f"{self.path}: {self.member}" if self.member else self.path)

    @property
    def media(self) -> MediaSource:
        """What utils.media opens."""
        if self.data is not None:
            return BytesFile(self.data, self.label)
        if self.member:
            return FileRange(self.path, self.offset, self.size or 0, self.label)
        return UrlFile(self.path, self.label) if is_url(self.path) else self.path
