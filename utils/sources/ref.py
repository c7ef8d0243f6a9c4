"""One input of a run, as sources yield it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from utils.media.input import BytesFile, FileRange, FrameArray, MediaSource, UrlFile
from utils.storage.urls import is_url, redacted

MediaKind = Literal["all", "frames", "audio"]
Refusal = tuple[Literal["skipped", "failed"], str]  # status and reason


@dataclass(frozen=True, slots=True)
class VideoRef:
    """One input.

    id: stable name in the manifest, by which a later run recognizes the video: the path as given, or the id in a list
        or data set. Without credentials.
    name: of its outputs, relative to the output folder, without the key and the suffix.
    path: the file to open: a local path, or an address that fsspec opens. Of a tar member, the tar.
    start_s, end_s: the segment to extract, in seconds of the video's own time; None for its start and its end.
    member, offset, size: of a tar member, its name and which bytes of the tar it is.
    data: the file itself, or its frames, where they are in memory.
    shard: the shard that it comes from, such as "shard-000003"; empty if none.
    meta: other information from the source, as JSON: columns of a list, metadata of a shard.
    refused: why the source cannot provide it: recorded, and nothing is opened.
    media_kind: which feature types it is for: all of them, those of frames, or those of audio.
    has_id: whether a list gives the id, which the name comes from.
    audio: what feature types of audio take in its place, with the same id and name; None for the same file.
    position: its place in the list of videos, from 0: the order of the rows in files of many videos.
    """

    id: str
    name: str
    path: str
    start_s: float | None = None
    end_s: float | None = None
    member: str = ""
    offset: int = 0
    size: int | None = None
    data: bytes | FrameArray | None = field(default=None, repr=False)
    shard: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict, compare=False)
    refused: Refusal | None = None
    media_kind: MediaKind = "all"
    has_id: bool = False
    audio: "VideoRef | None" = None
    position: int = field(default=0, compare=False)

    def part(self, wants_audio: bool) -> "VideoRef | None":
        """Return what feature types of audio, or those of frames, take of it; None where it is not for them."""
        if wants_audio and self.audio is not None:
            return self.audio
        return self if self.media_kind in ("all", "audio" if wants_audio else "frames") else None

    def at(self, position: int) -> "VideoRef":
        """Return it with its place in the list."""
        return replace(self, position=position, audio=self.audio and replace(self.audio, position=position))

    def refuse(self, status: Literal["skipped", "failed"], reason: str) -> "VideoRef":
        """Return it refused, with its sound, and called by its id, since it has no outputs."""
        changes: dict[str, Any] = {"name": self.id, "refused": (status, reason)}
        return replace(self, **changes, audio=self.audio and replace(self.audio, **changes))

    @property
    def label(self) -> str:
        """Its name in messages."""
        return redacted(f"{self.path}: {self.member}" if self.member else self.path)

    @property
    def media(self) -> MediaSource:
        """The media file, for utils.media to open."""
        if isinstance(self.data, FrameArray):
            return self.data
        if self.data is not None:
            return BytesFile(self.data, self.label)
        if self.member:
            return FileRange(self.path, self.offset, self.size or 0, self.label)
        return UrlFile(self.path, self.label) if is_url(self.path) else self.path
