"""Clips in tar shards, read in place: nothing is unpacked."""

import glob
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from math import prod
from pathlib import Path

from utils.errors import RunError, UserError
from utils.sources.errors import message_of, read_errors
from utils.sources.media_filter import MediaFilter
from utils.sources.names import safe_id, safe_name
from utils.sources.paths import local_path
from utils.sources.ref import VideoRef
from utils.sources.tar.clips import Shard
from utils.storage.urls import base_name, is_url, redacted, resolve, scheme

MOST_SHARDS = 1_000_000
LOOKED_FOR = 16  # if all of at most so many shards are missing, the path is wrong, and the run does not start
RANGE = re.compile(r"\{(-?\d{1,18})\.\.(-?\d{1,18})(?:\.\.(-?\d{1,18}))?\}")
TAR_SUFFIX = re.compile(r"(?i)\.(tar|tgz|tar\.\w{1,5})$")


class TarSource:
    """The clips of all shards of --tar_path, shard by shard in the order given; those of a pattern are sorted.

    names: of the shards, which are their output folders, as `same` gives them: see `find_repeats`.
    """

    def __init__(
        self,
        tar_path: Iterable[str],
        meta_path: str | None,
        media_filter: MediaFilter,
        same: Callable[[str], str] = str,
    ) -> None:
        """Raises UserError: a pattern is malformed or matches nothing, no tar exists, or two have the same name."""
        paths = dict.fromkeys(itertools.chain.from_iterable(map(expanded, tar_path)))
        if len(paths) <= LOOKED_FOR and not any(map(_exists, paths)):
            raise UserError(f"--tar_path {' '.join(map(redacted, tar_path))}: no such tar")
        if meta_path is not None and is_url(meta_path) and scheme(meta_path) == "file":
            meta_path = local_path(meta_path)
        by_name: dict[str, str] = {}
        self._shards = []
        for path in paths:
            stem = TAR_SUFFIX.sub("", base_name(path)) or redacted(path)
            name = safe_name(stem)
            first = by_name.setdefault(same(name), path)
            if first != path:
                raise UserError(
                    f"--tar_path: {redacted(first)} and {redacted(path)} are both called {safe_id(stem)!r}, "
                    "and so would be their output folders: rename one of them, or use different --output_path"
                )
            self._shards.append(Shard(path, name, stem, meta_path, media_filter, same))
        self.names = frozenset(by_name)
        self.read_well: list[str] = []
        folders = (Path(path).parent for path in paths if not is_url(path))
        self.roots = tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))

    def refs(self, shard_done: Callable[[str], bool]) -> Iterator[VideoRef]:
        """Yield the clips of the shards that are not done."""
        for shard in self._shards:
            problems = set[str]()
            if not shard_done(shard.path):
                for ref in shard.refs():
                    if ref.refused is not None:
                        problems.add(ref.id)
                    yield ref
            if shard.label not in problems:
                self.read_well += [id_ for id_ in shard.problem_ids if id_ not in problems]

    def listed(self) -> Iterator[VideoRef]:
        """Yield the clips of all shards, without data."""
        for shard in self._shards:
            yield from shard.refs(with_data=False)


def expanded(pattern: str) -> list[str]:
    """Return the tars of one entry of --tar_path: braces are expanded first ({000000..000099}, {a,b}), then * ? [..].

    An entry that is the name of a file is that file. In a web address, "?" starts the query.

    Raises:
        UserError: braces do not match, there are too many shards, or no file matches.
    """
    from braceexpand import braceexpand

    if is_url(pattern) and scheme(pattern) == "file":
        pattern = _checked_local(pattern)
    if not is_url(pattern) and Path(pattern).is_file():
        return [pattern]
    sizes = (
        abs(int(last) - int(first)) // max(1, abs(int(step or 1))) + 1 for first, last, step in RANGE.findall(pattern)
    )
    if prod(sizes) > MOST_SHARDS:
        raise UserError(f"--tar_path {redacted(pattern)}: is more than {MOST_SHARDS} shards")
    try:
        paths = list(itertools.islice(braceexpand(pattern, escape=False), MOST_SHARDS + 1))
    except (ValueError, RecursionError) as error:
        raise UserError(f"--tar_path {redacted(pattern)}: its braces do not match; write {{000000..000099}}") from error
    if len(paths) > MOST_SHARDS:
        raise UserError(f"--tar_path {redacted(pattern)}: is more than {MOST_SHARDS} shards")
    return [found for path in paths for found in _matching(path)]


def _checked_local(url: str) -> str:
    try:
        return local_path(url)
    except ValueError as error:
        raise UserError(f"--tar_path {redacted(url)}: {error}") from error


def _matching(path: str) -> list[str]:
    """Return the files that match a pattern with * ? [..], sorted; a path without these is returned as given."""
    if is_url(path):
        wild = "*[" if scheme(path) in ("http", "https") else "*?["
        if not any(character in path for character in wild):
            return [path]
        found = _matching_remote(path)
    else:
        if not glob.has_magic(path):
            return [path]
        found = glob.glob(path, recursive=True)  # noqa: PTH207 - the pattern may be absolute
    if not found:
        raise UserError(f"--tar_path {redacted(path)}: no tar matches")
    return sorted(found)


def _matching_remote(url: str) -> list[str]:
    filesystem, inside = resolve(url)
    try:
        found = filesystem.glob(inside)
    except read_errors() as error:
        raise RunError(f"--tar_path {redacted(url)}: cannot be listed ({message_of(error)})") from error
    return [filesystem.unstrip_protocol(str(path)) for path in found]


def _exists(path: str) -> bool:
    if not is_url(path):
        return Path(path).exists()
    filesystem, inside = resolve(path)
    try:
        return filesystem.exists(inside)
    except read_errors():
        return True  # opening it will report the problem
