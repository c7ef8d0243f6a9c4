"""Clips in tar shards, read where they lie: nothing is unpacked."""

import glob
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from math import prod
from pathlib import Path

from utils.errors import RunError, UserError
from utils.sources.errors import read_errors
from utils.sources.names import safe_id, safe_name
from utils.sources.paths import local_path
from utils.sources.ref import VideoRef
from utils.sources.tar.clips import Shard
from utils.storage.urls import base_name, is_url, redacted, resolve, scheme

MOST_SHARDS = 1_000_000
LOOKED_FOR = 16  # shards that are looked for before any work, to find a path that is simply wrong
RANGE = re.compile(r"\{(-?\d{1,18})\.\.(-?\d{1,18})(?:\.\.(-?\d{1,18}))?\}")
TAR_SUFFIX = re.compile(r"(?i)\.(tar|tgz|tar\.\w{1,5})$")
MEDIA_SUFFIX = re.compile(r"\*?(\.[A-Za-z0-9]+)")


class TarSource:
    """The clips of all shards that --tar_path names, shard by shard in the order given; of a pattern, sorted.

    names: of the shards, which are the folders of their outputs.
    """

    def __init__(
        self,
        tar_path: Iterable[str],
        meta_path: str | None,
        patterns: Iterable[str],
    ) -> None:
        """Raises UserError: a pattern is malformed or fits nothing, no tar is there, or two have one name."""
        paths = dict.fromkeys(itertools.chain.from_iterable(map(expanded, tar_path)))
        if len(paths) <= LOOKED_FOR and not any(map(_exists, paths)):
            raise UserError(f"--tar_path {' '.join(map(redacted, tar_path))}: no such tar")
        if meta_path is not None and is_url(meta_path) and scheme(meta_path) == "file":
            meta_path = local_path(meta_path)
        suffixes = {found.group(1).lower() for pattern in patterns if (found := MEDIA_SUFFIX.fullmatch(pattern))}
        by_name: dict[str, str] = {}
        self._shards = []
        for path in paths:
            stem = TAR_SUFFIX.sub("", base_name(path)) or redacted(path)
            name = safe_name(stem)
            first = by_name.setdefault(name, path)
            if first != path:
                raise UserError(
                    f"--tar_path: {redacted(first)} and {redacted(path)} are both called {safe_id(stem)!r}, "
                    "which names their outputs: rename one of them, or use one --output_path for each"
                )
            self._shards.append(Shard(path, name, stem, meta_path, tuple(patterns), frozenset(suffixes)))
        self.names = frozenset(by_name)
        folders = (Path(path).parent for path in paths if not is_url(path))
        self.roots = tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))

    def refs(self, shard_done: Callable[[str], bool]) -> Iterator[VideoRef]:
        """Yield the clips of the shards that are not done."""
        for shard in self._shards:
            if not shard_done(shard.path):
                yield from shard.refs()

    def listed(self) -> Iterator[VideoRef]:
        """Yield the clips of all shards, without data."""
        for shard in self._shards:
            yield from shard.refs(with_data=False)


def expanded(pattern: str) -> list[str]:
    """Return the tars that one entry of --tar_path means: braces first ({000000..000099}, {a,b}), then * ? [..].

    A file that is called just so is that file. In an address of the web, "?" starts its query.

    Raises:
        UserError: braces that do not match, too many shards, or a pattern that no file fits.
    """
    from braceexpand import UnbalancedBracesError, braceexpand

    if is_url(pattern) and scheme(pattern) == "file":
        pattern = _checked_local(pattern)
    if not is_url(pattern) and Path(pattern).is_file():
        return [pattern]
    sizes = (
        abs(int(last) - int(first)) // max(1, abs(int(step or 1))) + 1 for first, last, step in RANGE.findall(pattern)
    )
    if prod(sizes) > MOST_SHARDS:
        raise UserError(f"--tar_path {redacted(pattern)}: means more than {MOST_SHARDS} shards")
    try:
        paths = list(itertools.islice(braceexpand(pattern, escape=False), MOST_SHARDS + 1))
    except (UnbalancedBracesError, ValueError, RecursionError) as error:
        raise UserError(
            f"--tar_path {redacted(pattern)}: braces that do not match; write {{000000..000099}}"
        ) from error
    if len(paths) > MOST_SHARDS:
        raise UserError(f"--tar_path {redacted(pattern)}: means more than {MOST_SHARDS} shards")
    return [found for path in paths for found in _matching(path)]


def _checked_local(url: str) -> str:
    try:
        return local_path(url)
    except ValueError as error:
        raise UserError(f"--tar_path {redacted(url)}: {error}") from error


def _matching(path: str) -> list[str]:
    """Return the files that fit a pattern with * ? [..], sorted; a path without any as it is."""
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
        raise UserError(f"--tar_path {redacted(path)}: no tar fits this pattern")
    return sorted(found)


def _matching_remote(url: str) -> list[str]:
    filesystem, inside = resolve(url)
    try:
        found = filesystem.glob(inside)
    except read_errors() as error:
        raise RunError(f"--tar_path {redacted(url)}: cannot be listed ({redacted(str(error))[:300]})") from error
    return [filesystem.unstrip_protocol(path) for path in found]


def _exists(path: str) -> bool:
    if not is_url(path):
        return Path(path).exists()
    filesystem, inside = resolve(path)
    try:
        return filesystem.exists(inside)
    except read_errors():
        return True  # what is wrong is said when it is opened
