"""The features that a run has saved, read back from any format."""

import functools
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from featmill.video import Video
from utils.errors import UserError
from utils.sinks.manifest_line import WITH_OUTPUTS, ManifestLine
from utils.sinks.output import features_in
from utils.sinks.readback import OutputReader
from utils.state.feature_folders import feature_folders
from utils.state.manifest import Latest
from utils.storage.folder import Folder

if TYPE_CHECKING:
    import pandas

    from featmill.search import Duplicates, Hit
    from featmill.torch_dataset import FeatureDataset


def load(output: str | os.PathLike[str], feature_type: str | None = None) -> "Outputs":
    """Return what runs have saved in a folder or at an address, in whatever format.

    output: the --output_path of a run, or the folder of one feature type in it. feature_type: this one alone.

    Raises:
        UserError: there is no manifest, or none of the feature type.
    """
    return Outputs(os.fspath(output), feature_type)


class Outputs:
    """Saved videos: iterate over them, or take one by its name or by its id in the list.

    Videos without features are in `failures`. Arrays are read when a video is asked for, and may be changed.
    """

    def __init__(self, output: str, feature_type: str | None = None) -> None:
        self.output, self.feature_type = output, feature_type
        self._folders = [_FeatureFolder(*found) for found in feature_folders(output)]
        if feature_type is not None:
            here = [one.feature_type for one in self._folders]
            self._folders = [one for one in self._folders if one.feature_type == feature_type]
            if not self._folders:
                raise UserError(f"{output}: no features of {feature_type} there, only of {', '.join(here)}")

    def __repr__(self) -> str:
        return f"<Outputs {self.output}: {', '.join(self.feature_types)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Outputs, (self.output, self.feature_type)  # read anew in the other process

    @property
    def feature_types(self) -> list[str]:
        """The feature types, one or more."""
        return [one.feature_type for one in self._folders]

    @functools.cached_property
    def names(self) -> Sequence[str]:
        """The names of the videos with features, in the order in which they were finished."""
        return [line.name for _, line in self._lines() if line.status in WITH_OUTPUTS]

    @property
    def identities(self) -> list[tuple[str, str]]:
        """The feature type and the id in the list of each of `names`."""
        return [(folder.feature_type, line.id) for folder, line in self._lines() if line.status in WITH_OUTPUTS]

    @property
    def failures(self) -> list[Video]:
        """The videos without features, with the reason in `notes`."""
        return [folder.video(line) for folder, line in self._lines() if line.status not in WITH_OUTPUTS]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Video]:
        """Yield each video that has features. RunError if its files are damaged or gone. No file is open afterwards."""
        try:
            for folder, line in self._lines():
                if line.status in WITH_OUTPUTS:
                    yield folder.video(line)
        finally:
            for folder in self._folders:
                folder.close_files()

    def __contains__(self, name: str) -> bool:
        """Return whether a video has a name or id, one without features included."""
        return name in self._places

    @functools.cached_property
    def _places(self) -> dict[str, list[tuple["_FeatureFolder", str]]]:
        """The folder and id of each video by its names; of videos with one name, those with features."""
        by_status: tuple[dict[str, list[tuple[_FeatureFolder, str]]], ...] = {}, {}
        for folder, line in self._lines():
            for each in {line.name, line.id}:
                by_status[line.status in WITH_OUTPUTS].setdefault(each, []).append((folder, line.id))
        return by_status[False] | by_status[True]

    def __getitem__(self, name: str) -> Video:
        """Return a video by its name or id, one without features included.

        Raises:
            KeyError: there is none. UserError: there are several. RunError: its files cannot be read.
        """
        places = self._places[name]
        if len(places) > 1:
            raise UserError(f"{name} is there more than once; {_which(places)}")
        folder, identity = places[0]
        line = folder.latest.get(identity)
        if line is None:
            raise KeyError(name)
        return folder.video(line)

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a row per window: name, feature_type, window_index, start_s, end_s, and a column of arrays per key.

        Features without a row per window, such as averages over a video, make one row with no times; so do those that
        were saved without times.

        Raises:
            UserError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UserError("to_pandas() needs pandas: pip install pandas") from error

        return pandas.DataFrame([row for video in self for row in rows(video)])

    def to_torch(self) -> "FeatureDataset":
        """Return a map-style PyTorch data set, an item per video and type, for a DataLoader with any workers."""
        from featmill.torch_dataset import FeatureDataset

        return FeatureDataset(self)

    def search(self, query: Any = None, *, like: str | None = None, **options: Any) -> "list[Hit]":
        """Return the windows most like a text, an example or a vector, the best first.

        Each has score (a cosine), video, start_s, end_s (None without times), row, and path (of the video's file).

        query: a text; a vector, float [D]; a picture, uint8 [H, W, 3] or of Pillow; or a path of a picture or video.
        like: "NAME@SECONDS", "FILE@SECONDS", a name or a file, as for the command `search`.
        options: top=10, min_score (a cosine), feature (the key, where there are several), exact (no index), and
            device="auto", which computes texts and examples.

        Raises:
            UserError: there is no such example, the features have no text tower, or a type or key must be chosen.
            VideoError: the example cannot be used.
        """
        from featmill.search import search

        return search(self.output, self.feature_type, query, like, **options)

    def outliers(self, **options: Any) -> "list[Hit]":
        """Return the windows farthest from those of other videos; their score is the distance. options: as for search.

        min_score: the lowest distance; without it, what is unusual here (Tukey's fence).
        """
        from featmill.search import outliers

        return outliers(self.output, self.feature_type, **options)

    def duplicates(self, **options: Any) -> "list[Duplicates]":
        """Return groups of windows that are nearly the same in several videos. options: as for search.

        Each has score and videos; these have video, windows (how many), spans (in seconds) and path.
        min_score: the lowest cosine of a pair (0.98).
        """
        from featmill.search import duplicates

        return duplicates(self.output, self.feature_type, **options)

    def _lines(self) -> Iterator[tuple["_FeatureFolder", ManifestLine]]:
        for folder in self._folders:
            for line in folder.latest:
                if line.outputs or line.status not in WITH_OUTPUTS:  # else its rows are in another type's array
                    yield folder, line


class _FeatureFolder:
    """The saved videos of one feature type."""

    def __init__(self, folder: Folder, root: Folder, latest: Latest) -> None:
        self.latest = latest
        self._reader = OutputReader(folder, root)
        self.feature_type = next(line.stamp.feature_type for line in self.latest)

    def close_files(self) -> None:
        """Close the files of many videos that are open; HDF5 lets nobody write to one that is."""
        self._reader.close_files()

    def video(self, line: ManifestLine) -> Video:
        read = self._reader.read(line.outputs)
        arrays = {key: array if array.flags.writeable else array.copy() for key, array in read.items()}
        fps = arrays.get("fps")
        return Video(
            name=line.name,
            feature_type=self.feature_type,
            status=line.status,
            arrays={key: arrays[key] for key in features_in(arrays)},
            start_s=arrays.get("start_s"),
            end_s=arrays.get("end_s"),
            fps=line.fps if fps is None else float(fps),
            rate_hz=line.rate_hz,
            timestamps_ms=arrays.get("timestamps_ms"),
            notes=line.problems if line.outputs else (line.reason,),
        )


def _which(places: list[tuple[_FeatureFolder, str]]) -> str:
    """Return how to ask for one of several videos."""
    types = sorted({folder.feature_type for folder, _ in places})
    if len(types) > 1:
        return f"give load() one of {', '.join(types)}"
    return f"ask for {' or '.join(repr(identity) for _, identity in places)}"


def rows(video: Video) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table that a video makes: one per window, or one for features that have no windows."""
    about = {"name": video.name, "feature_type": video.feature_type}
    if video.start_s is None or video.end_s is None:
        yield {**about, "window_index": 0, "start_s": np.nan, "end_s": np.nan, **video}
        return
    for i, (start_s, end_s) in enumerate(zip(video.start_s.tolist(), video.end_s.tolist(), strict=True)):
        windows = {key: array[i] for key, array in video.items()}
        yield {**about, "window_index": i, "start_s": start_s, "end_s": end_s, **windows}
