"""One tar shard: its clips with what is known of them, and what is wrong with it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from utils.errors import FeatmillError
from utils.sources.errors import read_errors
from utils.sources.folder import Patterns
from utils.sources.names import plain, safe_id, safe_name, without_suffix
from utils.sources.ref import VideoRef
from utils.sources.tar.members import Member, walk
from utils.sources.tar.metadata import Metadata, beside, read_metadata, stem_of
from utils.sources.tar.stream import Damaged, TarStream
from utils.storage.urls import redacted

LARGEST_IN_MEMORY = 2 << 30  # bytes of a clip of a tar that can only be read as a stream
LARGEST_SIDECAR = 1 << 20  # bytes of a .json or .txt member
SIDECARS_IN_MEMORY = 64 << 20  # bytes of all of them, where they cannot be read when they are needed
MOST_MEMBERS = 1_000_000
SIDECARS = (".json", ".txt")
KINDS = {
    "link": "is a link, which is not followed; pack the file itself (tar --dereference --hard-dereference)",
    "sparse": "is stored as a sparse file; pack it without --sparse",
    "other": "is no file but a device, a pipe or something unknown",
}


@dataclass
class _Index:
    """What one walk over the headers finds. texts: sidecars' bytes, where the tar can only be read as a stream."""

    clips: list[Member] = field(default_factory=list)
    sidecars: dict[str, list[Member]] = field(default_factory=dict)
    texts: dict[int, bytes] = field(default_factory=dict)
    n_sidecars: int = 0
    damage: Damaged | None = None


@dataclass(frozen=True)
class Shard:
    """One tar.

    name: the folder of its outputs; stem: its file's name without suffix. patterns: the names of clips. suffixes:
    those of media.
    """

    path: str
    name: str
    stem: str
    meta_path: str | None
    patterns: tuple[str, ...]
    suffixes: frozenset[str]

    @property
    def shown(self) -> str:
        """What messages and ids call it."""
        return safe_id(redacted(self.path))

    def refs(self, *, with_data: bool = True) -> Iterator[VideoRef]:
        """Yield the clips in the order of the tar, then what is wrong with the shard as refused ones.

        The headers are walked once, for the members may be in any order; clips of a tar that is no more than a stream
        are read by a second walk, one by one.
        """
        try:
            with TarStream(self.path) as tar:
                index = self._index(tar)
                metadata = self._metadata()
                if metadata.problem:
                    reason = f"{metadata.file}: {metadata.problem}; its clips are extracted without what it says"
                    yield self._refused("failed", reason, metadata.file, f"{self.stem}.json")
                again = with_data and not tar.addressable
                if not again:
                    yield from self._clips(index, metadata, tar)
            if again:
                with TarStream(self.path) as tar:
                    yield from self._clips(index, metadata, tar, with_data=True)
        except FileNotFoundError:
            yield self._refused("skipped", f"{self.shown}: no such tar")
        except read_errors() as error:
            yield self._refused("failed", f"{self.shown}: cannot be read ({_reason(error)})")
        except FeatmillError as error:
            yield self._refused("failed", str(error))
        else:
            yield from self._wrong(index, metadata)

    def _metadata(self) -> Metadata:
        path = beside(self.path, self.stem, self.meta_path)
        return read_metadata(path, self.suffixes, named=self.meta_path is not None)

    def _index(self, tar: TarStream) -> _Index:
        index = _Index()
        matching = Patterns(self.patterns)
        texts_left = SIDECARS_IN_MEMORY
        try:
            for member in walk(tar):
                if len(index.clips) + index.n_sidecars >= MOST_MEMBERS:
                    raise Damaged(member.offset, f"it has more than {MOST_MEMBERS} clips and sidecars; split it")
                if member.kind == "folder":
                    continue
                if not member.name.lower().endswith(SIDECARS):
                    base = member.name.rpartition("/")[2]
                    if matching.match(base) and not base.startswith("._"):  # what macOS keeps beside each file
                        index.clips.append(member)
                elif member.kind == "file":
                    index.sidecars.setdefault(without_suffix(_relative(member.name)), []).append(member)
                    index.n_sidecars += 1
                    if not tar.addressable and member.size <= min(LARGEST_SIDECAR, texts_left):
                        index.texts[member.offset] = tar.read(member.size)
                        texts_left -= member.size
        except Damaged as damage:
            index.damage = damage
            last = index.clips[-1] if index.clips else None
            if last is not None and not tar.addressable and last.offset + last.size > tar.position:
                index.clips.pop()  # its data ends too early
        return index

    def _clips(
        self, index: _Index, metadata: Metadata, tar: TarStream, *, with_data: bool = False
    ) -> Iterator[VideoRef]:
        """Yield the clips of the index; of a tar that is a stream with their data, as far as it is read once more."""
        taken: dict[str, str] = {}
        for member in index.clips:
            stem = without_suffix(_relative(member.name))
            name = f"{self.name}/{safe_name(stem)}"
            shown = safe_id(member.name)
            id_ = f"{self.shown}: {shown}"
            meta = self._meta(member, stem, metadata, index, tar)
            if name in taken:
                first = taken[name]
                why = "it is in the tar twice" if first == shown else f"{first} has the same output name"
                refused = ("failed", f"{id_}: {why}; rename one of them")
                id_, name = f"{id_} (at byte {member.offset})", f"{name}.byte{member.offset}"
                yield self._ref(id_, name, member, meta, refused)
                continue
            taken[name] = shown
            problem = KINDS.get(member.kind, "")
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
        refused: tuple[str, str] | None,
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
        )

    def _meta(self, member: Member, stem: str, metadata: Metadata, index: _Index, tar: TarStream) -> dict[str, Any]:
        """Return what the metadata and the sidecars say of a clip."""
        base = stem.rpartition("/")[2]
        entry = metadata.of((stem_of(member.name, self.suffixes), base, base.partition(".")[0]))
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
        """Return those of the clip's whole stem, then those of WebDataset's key: the stem up to its first dot."""
        folder, slash, base = stem.rpartition("/")
        key = f"{folder}{slash}{base.partition('.')[0]}"
        return [*index.sidecars.get(stem, []), *(index.sidecars.get(key, []) if key != stem else [])]

    def _wrong(self, index: _Index, metadata: Metadata) -> Iterator[VideoRef]:
        """Yield what is wrong with the whole shard: damage, and clips that are listed but not there."""
        damage = index.damage
        if damage is not None:
            n_clips = len(index.clips)
            reason = (
                f"{self.shown}: damaged at byte {damage.byte}: {damage.reason}; the {n_clips} clips before it are used"
            )
            yield self._refused("failed", f"{reason}. Fetch or pack the tar again")
        where = f", which is damaged at byte {damage.byte}" if damage is not None else ""
        for stem, entry in metadata.missing():
            file = str(entry["filename"])
            id_ = f"{self.shown}: {file}"
            reason = f"{id_}: listed in {metadata.file} but not in the tar{where}"
            name = f"{self.name}/{safe_name(stem)}"
            yield VideoRef(id_, name, self.path, member=file, shard=self.stem, meta=entry, refused=("failed", reason))

    def _refused(self, status: str, reason: str, id_: str | None = None, name: str | None = None) -> VideoRef:
        name = safe_name(name or self.stem)
        return VideoRef(id_ or self.shown, name, self.path, shard=self.stem, refused=(status, reason))


def _relative(name: str) -> str:
    """Return a member's name without what leads nowhere: "./x//a" gives "x/a"."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _data(tar: TarStream, member: Member) -> tuple[bytes | None, str]:
    """Return a clip of a tar that is read as a stream, or None and what is wrong. Called in the order of the clips."""
    if member.size > LARGEST_IN_MEMORY:
        return (
            None,
            f"has {member.size} bytes, too many for a tar that can only be read as a stream; unpack the .gz or .zst",
        )
    try:
        data = tar.read(member.size) if tar.go_to(member.offset) else b""
    except Damaged as damage:
        return None, damage.reason
    return (data, "") if len(data) == member.size else (None, "the tar has become shorter; run the same command again")


def _read_sidecar(member: Member, kind: str, index: _Index, tar: TarStream) -> Any:
    """Return what a sidecar says, or what is wrong with it: the clip is extracted all the same."""
    if member.size > LARGEST_SIDECAR:
        return f"{safe_id(member.name)}: left out, {member.size} bytes"
    try:
        content = (
            tar.read(member.size) if tar.addressable and tar.go_to(member.offset) else index.texts.get(member.offset)
        )
    except Damaged as damage:
        return f"{safe_id(member.name)}: {damage.reason}"
    if content is None:
        return f"{safe_id(member.name)}: left out, the shard has too many of them for a stream"
    if kind == "txt":
        return plain(content.decode("utf-8", "replace").removesuffix("\n"))
    try:
        return plain(json.loads(content))
    except (ValueError, RecursionError) as error:
        return f"{safe_id(member.name)}: no JSON ({str(error)[:200]})"


def _reason(error: Exception) -> str:
    return redacted(str(error).partition("\n")[0])[:300] or type(error).__name__
