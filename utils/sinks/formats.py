"""The formats of --on_extraction: one table that says all that differs between them."""

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from utils.errors import UserError
from utils.sinks import acav, arrays, h5, lance_rows, npz, parquet, staging, webdataset
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.numbered import newest, remove_unmentioned
from utils.sinks.output import MergedFile, Sink, VideoFiles
from utils.sinks.printing import PrintSink
from utils.sinks.window_table import columns
from utils.sources.name_template import NameTemplate
from utils.storage.files import may_pass
from utils.storage.folder import Folder

log = logging.getLogger(__name__)

Show = Callable[[str], None]  # takes text for standard output


class Merge(Protocol):
    """Merges staged videos into files of many, and returns their lines with `outputs` replaced.

    Called by one process at a time. The files are in place when it returns; the caller appends the lines to the
    manifest and then removes the staged files. Killed anywhere, the same call later does what is missing, and nothing
    twice.

    lines: the latest manifest lines of the videos whose outputs are staged; a damaged one is left out of the answer.
    kept: those of videos whose merged files are written anew (can be iterated over again); the answer has those that
        change, with status "failed" where features are lost.
    taken: the merged files that the latest lines of other videos mention.
    only_full: write full files only; the lines of videos that wait for more are in the answer as they are.
    """

    def __call__(
        self,
        folder: Folder,
        lines: Sequence[ManifestLine],
        kept: Iterable[ManifestLine],
        taken: Collection[str],
        only_full: bool = False,
        /,
    ) -> list[ManifestLine]:
        """Merge. Raises RunError if the folder cannot be written."""
        ...


@dataclass(frozen=True)
class Merged:
    """How a format keeps many videos in one file, which the main process merges from what workers stage.

    suffix: of its files. open: a file for reading, by its name relative to the folder of the feature type.
    reopened: the files that are written anew where videos are added, by one line of each file that there is.
    merge: None where files hold several feature types, of one tar shard each: `acav.merge_shards` writes those.
    remove_places: rewrites a file without some videos, which were extracted again; None where merging replaces them.
    remove_unmentioned: removes what is in no file that the latest manifest lines mention.
    """

    suffix: str
    open: Callable[[Folder, str], MergedFile]
    merge: Merge | None = None
    reopened: Callable[[Mapping[str, ManifestLine]], set[str]] = lambda _lines: set()
    remove_places: Callable[[Folder, str, Collection[str]], None] | None = None
    remove_unmentioned: Callable[[Folder, str, Collection[str]], None] = remove_unmentioned

    @property
    def is_numbered(self) -> bool:
        """Whether its files are written once and numbered, so that a long run can merge before it ends."""
        return self.remove_places is not None

    def remove_outdated(
        self, folder: Folder, mentioned: Collection[str], outdated: Mapping[str, Collection[str]]
    ) -> None:
        """Remove what the latest manifest lines no longer mention, since its videos were extracted again.

        mentioned: all files that the latest lines mention.
        outdated: file → places in it that only earlier lines mention.
        """
        if self.remove_places is None:  # merging has replaced them
            return
        self.remove_unmentioned(folder, self.suffix, mentioned)
        for name in outdated.keys() & set(mentioned):
            try:
                self.remove_places(folder, name, outdated[name])
            except staging.DAMAGE as error:
                if may_pass(error):
                    raise
                log.warning("%s/%s is damaged (%s); the next run replaces it", folder, name, error)


@dataclass(frozen=True)
class Format:
    """One value of --on_extraction.

    make_sink: what a worker writes finished videos with. files: how a format with files for each video reads them back.
    merged: set for formats that keep many videos in one file. only_vectors: whether it has no room for more than one
    of each window and crop. check: raises UserError where it cannot be written to an --output_path.
    """

    make_sink: Callable[[Folder, Show, NameTemplate | None], Sink]
    files: VideoFiles | None = None
    merged: Merged | None = None
    only_vectors: bool = False
    check: Callable[[str], None] = lambda _path: None

    @property
    def saves(self) -> bool:
        """Whether anything is written."""
        return self.files is not None or self.merged is not None

    @property
    def by_shard(self) -> bool:
        """Whether a tar shard's clips share a file, so that a run claims whole shards."""
        return self.merged is not None and self.merged.merge is None


def _staged(merged: Merged, only_vectors: bool = False) -> Format:
    return Format(lambda folder, _show, _names: staging.StagingSink(folder), None, merged, only_vectors)


FORMATS: Mapping[str, Format] = {
    "print": Format(lambda _folder, show, _names: PrintSink(show)),
    "save_numpy": Format(
        lambda folder, _show, names: arrays.ArraySink(folder, ".npy", arrays.save_numpy, names), arrays
    ),
    "save_npz": Format(lambda folder, _show, names: npz.NpzSink(folder, names), npz),
    "save_pickle": Format(
        lambda folder, _show, names: arrays.ArraySink(folder, ".pkl", arrays.save_pickle, names), arrays
    ),
    "save_h5": _staged(Merged(h5.SUFFIX, h5.H5File, h5.merge, set)),
    "save_parquet": _staged(
        Merged(
            parquet.SUFFIX,
            parquet.ParquetFile,
            parquet.merge,
            lambda lines: newest(lines, parquet.SUFFIX, columns),
            parquet.remove_places,
        ),
        only_vectors=True,
    ),
    "save_lance": replace(
        _staged(
            Merged(
                lance_rows.SUFFIX,
                lance_rows.LanceFile,
                lance_rows.merge,
                remove_places=lance_rows.remove_places,
                remove_unmentioned=lance_rows.remove_unmentioned,
            ),
            only_vectors=True,
        ),
        check=lance_rows.check,
    ),
    "save_webdataset": _staged(
        Merged(
            webdataset.SUFFIX,
            webdataset.TarOfFeatures,
            webdataset.merge,
            lambda lines: newest(lines, webdataset.SUFFIX, webdataset.kind_of),
            webdataset.remove_places,
        )
    ),
    "save_shards": _staged(Merged(acav.SUFFIX, acav.ShardFile), only_vectors=True),
}


def check_dimensions(on_extraction: str, feature_type: str, shapes: Mapping[str, str]) -> None:
    """Raise UserError where a format has no room for a model's outputs, before any work.

    shapes: key → shape as text, "[clips, crops, 2048]" or "[frames - 1, 2, H, W]", as the table of models has it.
    """
    if not FORMATS[on_extraction].only_vectors:
        return
    for shape in shapes.values():
        found = re.match(r"\[([^\]]*)\]", shape)
        if found and len([size for size in found[1].split(", ") if size != "crops"]) > 2:
            raise UserError(
                f"--on_extraction {on_extraction} stores vectors, and {feature_type} gives arrays {found[0]} here: "
                "use save_numpy, save_npz, save_h5 or save_webdataset"
            )
