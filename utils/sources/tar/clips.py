"""One tar shard: its clips with their metadata, and what is wrong with the shard."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from utils.errors import FeatmillError
from utils.sources.errors import message_of, read_errors
from utils.sources.media_filter import MediaFilter
from utils.sources.names import as_json, safe_id, safe_name, without_suffix
from utils.sources.ref import Refusal, VideoRef
from utils.sources.tar.members import Member, walk
from utils.sources.tar.metadata import Metadata, metadata_path, read_metadata, stem_of
from utils.sources.tar.stream import DamagedTarError, TarStream
from utils.storage.json_text import parse_json
from utils.storage.urls import redacted

LARGEST_IN_MEMORY = 2 << 30  # bytes of a clip, in a tar that can only be read as a stream
LARGEST_SIDECAR = 1 << 20  # bytes of a .json or .txt member
SIDECARS_IN_MEMORY = 64 << 20  # bytes of all of them, in a tar that can only be read as a stream
MOST_MEMBERS = 1_000_000
SIDECARS = (".json", ".txt")
REFUSED_KINDS = {
    "link": "is a link, which is not followed; pack the file itself (tar --dereference --hard-dereference)",
    "sparse": "is stored as a sparse file; pack it without --sparse",
    "other": "is not a file but a device, a pipe or of an unknown type",
}


@dataclass
class _Index:
    """What one pass over the headers finds. texts: bytes of sidecars, in a tar that can only be read as a stream."""

    clips: list[Member] = field(default_factory=list)
    sidecars: dict[str, list[Member]] = field(default_factory=dict)
    texts: dict[int, bytes] = field(default_factory=dict)
    n_sidecars: int = 0
    damage: DamagedTarError | None = None


@dataclass(frozen=True)
class Shard:
    """One tar.

    name: of the output folder.
    stem: the name of its file without suffix.
    media_filter: what finds its clips.
    same: of names of outputs, see `find_repeats`.
    """

    path: str
    name: str
    stem: str
    meta_path: str | None
    media_filter: MediaFilter
    same: Callable[[str], str] = str

    @property
    def label(self) -> str:
        """Its name in messages and ids."""
        return safe_id(redacted(self.path))

    @property
    def problem_ids(self) -> tuple[str, str]:
        """Return the ids under which problems of the tar as a whole, and of its metadata, are recorded."""
        return self.label, redacted(metadata_path(self.path, self.stem, self.meta_path))

    def refs(self, *, with_data: bool = True) -> Iterator[VideoRef]:
        """Yield the clips in the order of the tar, then what is wrong with the shard, as refused ones.

        A first pass reads all headers, since members may be in any order. The clips of a tar that can only be read as a
        stream are read in a second pass, one by one.
        """
        try:
            with TarStream(self.path) as tar:
                index = self._index(tar)
                metadata = self._metadata()
                if metadata.problem:
                    reason = f"{metadata.file}: {metadata.problem}; its clips are extracted without it"
                    yield self._refused("failed", reason, metadata.file, f"{self.stem}.json")
                again = with_data and not tar.addressable
                if not again:
                    yield from self._clips(index, metadata, tar)
            if again:
                with TarStream(self.path) as tar:
                    yield from self._clips(index, metadata, tar, with_data=True)
        except FileNotFoundError:
            yield self._refused("skipped", f"{self.label}: no such tar")
        except read_errors() as error:
            yield self._refused("failed", f"{self.label}: cannot be read ({message_of(error)})")
        except FeatmillError as error:
            yield self._refused("failed", str(error))
        else:
            yield from self._problems(index, metadata)

    def _metadata(self) -> Metadata:
        path = metadata_path(self.path, self.stem, self.meta_path)
        return read_metadata(path, self.media_filter.suffixes, required=self.meta_path is not None)

    def _index(self, tar: TarStream) -> _Index:
        index = _Index()
        texts_left = SIDECARS_IN_MEMORY
        try:
            for member in walk(tar):
                if len(index.clips) + index.n_sidecars >= MOST_MEMBERS:
                    raise DamagedTarError(
                        member.offset, f"it has more than {MOST_MEMBERS} clips and sidecars; split it"
                    )
                if member.kind == "folder":
                    continue
                if not member.name.lower().endswith(SIDECARS):
                    if self.media_filter.match(member.name):
                        index.clips.append(member)
                elif member.kind == "file":
                    index.sidecars.setdefault(without_suffix(_relative(member.name)), []).append(member)
                    index.n_sidecars += 1
                    if not tar.addressable and member.size <= min(LARGEST_SIDECAR, texts_left):
                        index.texts[member.offset] = tar.read(member.size)
                        texts_left -= member.size
        except DamagedTarError as damage:
            index.damage = damage
            last = index.clips[-1] if index.clips else None
            if last is not None and not tar.addressable and last.offset + last.size > tar.position:
                index.clips.pop()  # its data is cut off
        beside = self.media_filter.beside_videos([member.name for member in index.clips])
        index.clips = [member for member in index.clips if member.name not in beside]
        return index

    def _clips(
        self, index: _Index, metadata: Metadata, tar: TarStream, *, with_data: bool = False
    ) -> Iterator[VideoRef]:
        """Yield the clips of the index. with_data: read their data, from a new stream of the tar."""
        taken: dict[str, str] = {}
        for member in index.clips:
            stem = without_suffix(_relative(member.name))
            name = f"{self.name}/{safe_name(stem)}"
            label = safe_id(member.name)
            id_ = f"{self.label}: {label}"
            meta = self._meta(member, stem, metadata, index, tar)
            if self.same(name) in taken:
                first = taken[self.same(name)]
                why = "it is in the tar twice" if first == label else f"{first} has the same output name"
                refused: Refusal = ("failed", f"{id_}: {why}; rename one of them")
                id_, name = f"{id_} (at byte {member.offset})", f"{name}.byte{member.offset}"
                yield self._ref(id_, name, member, meta, refused)
                continue
            taken[self.same(name)] = label
            problem = REFUSED_KINDS.get(member.kind, "")
            data = None
            if with_data and not problem:
                data, problem = _data(tar, member)
            yield self._ref(id_, name, member, meta, ("failed", f"{id_}: {problem}") if problem else None, data)

    def _ref(
        self,
        id_: str,
        name: str,
        member: Member,
        meta: Mapping[str, Any],
        refused: Refusal | None,
        data: bytes | None = None,
    ) -> VideoRef:
        return VideoRef(
            id_,
            name,
            self.path,
            member=safe_id(member.name),
            offset=member.offset,
            size=member.size,
            data=data,
            shard=self.stem,
            meta=meta,
            refused=refused,
            media_kind=self.media_filter.media_kind(member.name),
        )

    def _meta(self, member: Member, stem: str, metadata: Metadata, index: _Index, tar: TarStream) -> dict[str, Any]:
        """Return what the metadata and the sidecars say about a clip."""
        base = stem.rpartition("/")[2]
        entry = metadata.of((stem_of(member.name, self.media_filter.suffixes), base, base.partition(".")[0]))
        meta: dict[str, Any] = dict(entry) if entry is not None else {}
        if entry is None and not metadata.problem:
            file = metadata.file.rpartition("/")[2]
            meta["note"] = f"not listed in {file}" if metadata.exists else f"no {file}"
        for sidecar in self._sidecars(stem, index):
            kind = sidecar.name.rpartition(".")[2].lower()
            if kind not in meta:
                meta[kind] = _read_sidecar(sidecar, kind, index, tar)
        return meta

    def _sidecars(self, stem: str, index: _Index) -> list[Member]:
        """Return those of the clip's full stem, then those of WebDataset's key: the stem up to its first dot."""
        folder, slash, base = stem.rpartition("/")
        key = f"{folder}{slash}{base.partition('.')[0]}"
        return [*index.sidecars.get(stem, []), *(index.sidecars.get(key, []) if key != stem else [])]

    def _problems(self, index: _Index, metadata: Metadata) -> Iterator[VideoRef]:
        """Yield what is wrong with the shard as a whole: damage, and clips that are listed but missing."""
        damage = index.damage
        if damage is not None:
            n_clips = len(index.clips)
            reason = (
                f"{self.label}: damaged at byte {damage.byte}: {damage.reason}; the {n_clips} clips before it are used"
            )
            yield self._refused("failed", f"{reason}. Download or pack the tar again")
        where = f", which is damaged at byte {damage.byte}" if damage is not None else ""
        for stem, entry in metadata.missing():
            file = str(entry["filename"])
            id_ = f"{self.label}: {file}"
            reason = f"{id_}: listed in {metadata.file} but not in the tar{where}"
            name = f"{self.name}/{safe_name(stem)}"
            yield VideoRef(id_, name, self.path, member=file, shard=self.stem, meta=entry, refused=("failed", reason))

    def _refused(
        self, status: Literal["skipped", "failed"], reason: str, id_: str | None = None, name: str | None = None
    ) -> VideoRef:
        name = safe_name(name or self.stem)
        return VideoRef(id_ or self.label, name, self.path, shard=self.stem, refused=(status, reason))


def _relative(name: str) -> str:
    """Return a member's name without empty parts and "." parts: "./x//a" gives "x/a"."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _data(tar: TarStream, member: Member) -> tuple[bytes | None, str]:
    """Return the data of a clip, or None and what is wrong. Called in the order of the clips in the tar."""
    if member.size > LARGEST_IN_MEMORY:
        return (
            None,
            f"has {member.size} bytes, too many for a tar that can only be read as a stream; unpack the .gz or .zst",
        )
    try:
        data = tar.read(member.size) if tar.go_to(member.offset) else b""
    except DamagedTarError as damage:
        return None, damage.reason
    return (data, "") if len(data) == member.size else (None, "the tar has become shorter; run the same command again")


def _read_sidecar(member: Member, kind: str, index: _Index, tar: TarStream) -> Any:
    """Return the content of a sidecar, or what is wrong with it: the clip is extracted anyway."""
    if member.size > LARGEST_SIDECAR:
        return f"{safe_id(member.name)}: left out, {member.size} bytes"
    try:
        content = (
            tar.read(member.size) if tar.addressable and tar.go_to(member.offset) else index.texts.get(member.offset)
        )
    except DamagedTarError as damage:
        return f"{safe_id(member.name)}: {damage.reason}"
    if content is None:
        return f"{safe_id(member.name)}: left out, the sidecars of this tar are too large to be read as a stream"
    if kind == "txt":
        return as_json(content.decode("utf-8", "replace").removesuffix("\n"))
    try:
        return as_json(parse_json(content))
    except ValueError as error:
        return f"{safe_id(member.name)}: not JSON ({message_of(error)})"
