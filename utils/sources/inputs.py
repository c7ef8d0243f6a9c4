"""All inputs of a run, in order, each once."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from utils.config.run import RunConfig
from utils.errors import RunError, UserError
from utils.sources.base import ListedSource, Mention, StreamedSource, to_ref
from utils.sources.folder import FolderSource
from utils.sources.huggingface import HuggingFaceSource
from utils.sources.paths import ListSource
from utils.sources.ref import VideoRef
from utils.sources.tar.shards import TarSource
from utils.sources.unique import find_repeats
from utils.storage.urls import redacted

SOURCES = "--video_paths, --file_with_video_paths, --input_dir, --tar_path or --hf_dataset"


def never(_path: str) -> bool:
    """Say that no shard is done."""
    return False


class Inputs:
    """The inputs of a run, in the order given; a video that is mentioned twice is one.

    total: the number of videos, None where it is known only at the end (tars, data sets).
    roots: local folders that must stay available while the run lasts.
    """

    def __init__(
        self, listings: Sequence[ListedSource], streams: Sequence[StreamedSource], shard_names: frozenset[str]
    ) -> None:
        """Reads the lists once. Raises UserError: a list cannot be used, or two videos have the same output name."""
        self._listings = listings
        self._streams = streams
        self._repeats = find_repeats(self._mentions, shard_names)
        self.n_listed = self._repeats.n_videos
        self.total: int | None = None if streams else self.n_listed
        self.roots: tuple[Path, ...] = tuple(dict.fromkeys(chain(*(source.roots for source in [*listings, *streams]))))

    def _mentions(self) -> Iterator[Mention]:
        return chain.from_iterable(listing.mentions() for listing in self._listings)

    def _numbered(self) -> Iterator[tuple[int, Mention]]:
        changed = RunError("a list of videos was changed during the run; run the same command again to resume")
        numbers = iter(range(len(self._repeats.is_first)))
        for mention in self._mentions():
            number = next(numbers, None)
            if number is None:
                raise changed
            yield number, mention
        if next(numbers, None) is not None:
            raise changed

    def refs(self, shard_done: Callable[[str], bool] = never) -> Iterator[VideoRef]:
        """Yield each video once, in order, without those of finished shards.

        shard_done: returns whether all clips of the tar at a path are done, so that it need not be opened.
        """
        is_first = self._repeats.is_first
        for number, mention in self._numbered():
            if is_first[number]:
                yield to_ref(mention)
        for stream in self._streams:
            yield from stream.refs(shard_done)

    def listed(self) -> Iterator[VideoRef]:
        """Yield a video for every mention in list order, including repeats and those of finished shards."""
        aliases = self._repeats.aliases
        for number, mention in self._numbered():
            yield to_ref(aliases.get(number, mention))
        for stream in self._streams:
            yield from stream.listed()


def collect(run: RunConfig) -> Inputs:
    """Return the inputs of a run: command line, list, folder, tars, in this order; or a data set.

    Raises:
        UserError: there are none, or two different files would write the same outputs.
    """
    listings: list[ListedSource] = []
    if run.video_paths or run.file_with_video_paths is not None:
        listings.append(ListSource(run.video_paths, run.file_with_video_paths, run.video_root))
    if run.input_dir is not None:
        listings.append(FolderSource(run.input_dir, run.glob))
    shards = TarSource(run.tar_path, run.meta_path, run.glob) if run.tar_path else None
    if run.hf_dataset is not None and (listings or shards):
        raise UserError("--hf_dataset cannot be combined with other inputs: use one run for each")
    data_set = HuggingFaceSource(run) if run.hf_dataset is not None else None
    streams: list[StreamedSource] = [stream for stream in (shards, data_set) if stream is not None]
    inputs = Inputs(listings, streams, shards.names if shards is not None else frozenset())
    if not streams and not inputs.n_listed:
        raise UserError(f"{_empty(run)}: give videos with {SOURCES}")
    return inputs


def _empty(run: RunConfig) -> str:
    if run.file_with_video_paths:
        return f"{redacted(run.file_with_video_paths)} has no path in it"
    if run.input_dir:
        return f"{redacted(run.input_dir)} has no file that matches {' '.join(run.glob)}"
    return "no videos given"
