"""All inputs of a run, in order, each once."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from utils.config.run import RunConfig
from utils.errors import RunError, UserError
from utils.sources.base import ListedSource, Mention, StreamedSource, to_ref
from utils.sources.folder import FolderSource
from utils.sources.huggingface import HuggingFaceSource
from utils.sources.media_filter import MediaFilter
from utils.sources.name_template import PER_VIDEO, NameTemplate
from utils.sources.paths import ListSource, check_root
from utils.sources.ref import MediaKind, VideoRef
from utils.sources.tar.shards import TarSource
from utils.sources.unique import find_repeats
from utils.storage.same_names import same_names
from utils.storage.urls import redacted

SOURCES = "--video_paths, --file_with_video_paths, --input_dir, --tar_path or --hf_dataset"


def never(_path: str) -> bool:
    """Say that no shard is done."""
    return False


class Inputs:
    """The inputs of a run, in the order given; a video that is mentioned twice is one.

    total: the number of videos, None where it is known only at the end (tars, data sets).
    roots: local folders that must stay available while the run lasts.
    same: gives equal texts for names that the file system of the outputs takes for one.
    """

    def __init__(
        self,
        listings: Sequence[ListedSource],
        streams: Sequence[StreamedSource],
        shard_names: frozenset[str] = frozenset(),
        filters: Mapping[str, MediaFilter] | None = None,
        nothing: str = "no videos given",
        wants: Collection[MediaKind] = ("frames",),
        template: NameTemplate = PER_VIDEO,
        same: Callable[[str], str] = str,
    ) -> None:
        """Read the lists once.

        filters: by where they look, such as "--input_dir videos". nothing: what to say if there are no videos at all.
        wants: as in `collect`. template, same: of the names of outputs, as in `find_repeats`.

        Raises:
            UserError: a list cannot be used, or two videos have the same output name.
        """
        self.same = same
        self._listings = listings
        self._streams = streams
        self._filters = filters or {}
        self._nothing = nothing
        self._wants = self._lacking = frozenset(wants)  # of which nothing was found so far
        self._streams_read = not streams  # to their end
        self._repeats = find_repeats(self._mentions, shard_names, template, same)
        self.n_listed = self._repeats.n_videos
        self.total: int | None = None if streams else self.n_listed
        self.roots: tuple[Path, ...] = tuple(dict.fromkeys(chain(*(source.roots for source in [*listings, *streams]))))

    def _mentions(self) -> Iterator[Mention]:
        for mention in chain.from_iterable(listing.mentions() for listing in self._listings):
            self._note_found(mention.media_kind)
            yield mention

    def _note_found(self, media_kind: MediaKind) -> None:
        if self._lacking:
            self._lacking = frozenset() if media_kind == "all" else self._lacking - {media_kind}

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

        def done(path: str) -> bool:
            is_done = shard_done(path)
            if is_done:
                self._note_found("all")
            return is_done

        for stream in self._streams:
            for ref in stream.refs(done):
                self._note_found(ref.media_kind)
                yield ref
        self._streams_read = True

    def listed(self) -> Iterator[VideoRef]:
        """Yield a video for every mention in list order, including repeats and those of finished shards."""
        aliases = self._repeats.aliases
        for number, mention in self._numbered():
            yield to_ref(aliases.get(number, mention))
        for stream in self._streams:
            yield from stream.listed()

    def read_well(self) -> Iterator[str]:
        """Yield the ids of the folders, tars and data sets that were read without a problem so far."""
        return chain.from_iterable(source.read_well for source in (*self._listings, *self._streams))

    def left_out(self) -> list[str]:
        """Return what was found so far and is not extracted, a line for each folder and for the tars."""
        filters = ((where, one) for where, one in self._filters.items() if one.left_out)
        return [f"{where}: left out {one.left_out} (no {one})" for where, one in filters]

    def check_any_found(self) -> None:
        """Raise UserError if nothing was found for a feature type, with what there is in its place.

        Called at the end, where there are tars.
        """
        if not self._lacking:
            return
        if self._lacking != self._wants and not self._streams_read:  # stopped by --limit
            return
        if self._lacking != self._wants:
            lacks, has = ("frames", "sound files") if "frames" in self._lacking else ("sound", "folders of frames")
            remedy = "leave that type out, or give videos"
            raise UserError(f"a feature type takes {lacks}, and only {has} were found: {remedy} with {SOURCES}")
        found = [
            f"{where} has no {media_filter}; it has {media_filter.left_out}"
            for where, media_filter in self._filters.items()
        ]
        raise UserError(f"{'; '.join(found) or self._nothing}: give videos with {SOURCES}")


def collect(run: RunConfig, wants: Collection[MediaKind] = ("frames",)) -> Inputs:
    """Return the inputs of a run: command line, list, folder, tars, in this order; or a data set.

    wants: what the feature types of the run extract, "frames", "audio" or both.

    Raises:
        UserError: there are none, or two different files would write the same outputs.
    """
    check_root(run.video_root)
    same = str if run.on_extraction == "print" else same_names(run.output_path)
    listings: list[ListedSource] = []
    filters: dict[str, MediaFilter] = {}
    if run.video_paths or run.file_with_video_paths is not None:
        listings.append(ListSource(run.video_paths, run.file_with_video_paths, run.video_root))
    if run.input_dir is not None:
        media_filter = filters[f"--input_dir {redacted(run.input_dir)}"] = MediaFilter(run.glob, wants)
        listings.append(FolderSource(run.input_dir, media_filter))
    shards = None
    if run.tar_path:
        media_filter = filters["--tar_path"] = MediaFilter(run.glob, wants)
        shards = TarSource(run.tar_path, run.meta_path, media_filter, same)
    if run.hf_dataset is not None and (listings or shards):
        raise UserError("--hf_dataset cannot be combined with other inputs: use one run for each")
    data_set = HuggingFaceSource(run, MediaFilter(run.glob, wants), same) if run.hf_dataset is not None else None
    streams: list[StreamedSource] = [stream for stream in (shards, data_set) if stream is not None]
    nothing = "no videos given"
    if run.file_with_video_paths is not None or run.hf_dataset is not None:
        what = "path in it" if run.hf_dataset is None else "rows"
        nothing = f"{redacted(run.file_with_video_paths or run.hf_dataset or '')} has no {what}"
    template = PER_VIDEO if run.name_template is None else NameTemplate.of(run.name_template)
    if streams and not template.has("relative"):
        raise UserError("--name_template needs {relative} for tars and data sets, whose names are not known before")
    shard_names = shards.names if shards is not None else frozenset[str]()
    inputs = Inputs(listings, streams, shard_names, filters, nothing, wants, template, same)
    if not streams:
        inputs.check_any_found()
    return inputs
