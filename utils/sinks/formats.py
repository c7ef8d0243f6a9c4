"""Where features go: printed, written whole as files, or as parts that become files of many videos."""

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from utils.errors import UserError
from utils.sinks import h5, parquet, webdataset
from utils.sinks.arrays import ArraySink, save_numpy, save_pickle
from utils.sinks.npz import NpzSink
from utils.sinks.numbered import remove_unmentioned
from utils.sinks.output import Line, Sink
from utils.sinks.printing import PrintSink
from utils.sinks.staging import DAMAGE, StagingSink
from utils.storage.folder import Folder

log = logging.getLogger(__name__)

FILES = {"save_numpy", "save_npz", "save_pickle"}  # each video has files of its own
BOUND = {"save_h5", "save_parquet", "save_webdataset", "save_shards"}  # a file holds many videos
NUMBERED = {"save_parquet": parquet, "save_webdataset": webdataset}  # many files, each written once
MOST_DIMENSIONS = {"save_parquet": 3, "save_shards": 3}  # windows, crops, features: rows hold vectors


def make_sink(kind: str, folder: Folder, show: Callable[[str], None]) -> Sink:
    """Return the sink for a value of --on_extraction. show: takes text for standard output."""
    if kind == "print":
        return PrintSink(show)
    if kind == "save_npz":
        return NpzSink(folder)
    if kind in BOUND:
        return StagingSink(folder)
    suffix, save = {"save_numpy": (".npy", save_numpy), "save_pickle": (".pkl", save_pickle)}[kind]
    return ArraySink(folder, suffix, save)


def check_kind(kind: str, feature_type: str, shapes: Mapping[str, str]) -> None:
    """Raise UserError where a format has no room for a model's outputs, before any work.

    shapes: key → shape as text, "[frames - 1, 2, H, W]", as the table of models has it.
    """
    for shape in shapes.values():
        found = re.match(r"\[([^\]]*)\]", shape)
        if found and len(found[1].split(",")) > MOST_DIMENSIONS.get(kind, 99):
            raise UserError(
                f"--on_extraction {kind} holds vectors, and {feature_type} gives maps {found[0]}: "
                "use save_numpy, save_npz, save_h5 or save_webdataset"
            )


def merge(kind: str, folder: Folder, lines: Sequence[Line], taken: Collection[str]) -> list[Line]:
    """Put parts together into files of many videos, and return the lines with `outputs` replaced.

    To be called by one process at a time. The files are in place when this returns; the caller appends the lines to the
    manifest, and then removes the parts (remove_staged). Killed anywhere, the same call later does what is missing, and
    nothing is there twice.

    kind: save_h5, save_parquet or save_webdataset; save_shards has `merge_shards`.
    lines: the latest manifest lines of the videos whose outputs are parts. A line whose part is damaged is left out.
    taken: the bound files that the latest lines of other videos mention.

    Raises:
        RunError: the folder cannot be written.
    """
    if kind == "save_h5":
        return h5.merge(folder, lines)
    return NUMBERED[kind].merge(folder, lines, taken)


def remove_outdated(kind: str, folder: Folder, taken: Collection[str], outdated: Mapping[str, Collection[str]]) -> None:
    """Remove files, and rows in them, that the latest manifest lines no longer mention: of videos extracted again.

    taken: all bound files that the latest lines mention.
    outdated: bound file → places in it ("place" of an output) that only earlier lines mention.
    """
    if kind not in NUMBERED:  # features.h5 and the files of shards replace what they hold of a video
        return
    module = NUMBERED[kind]
    remove_unmentioned(folder, module.SUFFIX, taken)
    for name, places in outdated.items():
        if name in taken:
            try:
                module.remove_places(folder, name, places)
            except DAMAGE as error:
                log.warning("%s/%s is damaged (%s); the next run on its videos replaces it", folder, name, error)
