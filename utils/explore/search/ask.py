"""Searches in saved features: windows by text, example or vector; outliers; near-duplicates."""

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from utils.config.run import RunConfig
from utils.config.words import counted
from utils.engines.devices import choose
from utils.errors import UserError, VideoError
from utils.explore.search import index, likeness
from utils.explore.search.example import Example, example_of, picture_example
from utils.explore.search.nearest import nearest
from utils.explore.search.windows import Hit, SavedWindows, WindowBlock
from utils.extractors.registry import Model
from utils.run.like import plan_like, recorded
from utils.run.packs import Saved
from utils.run.prepare import RANDOM_WARNING
from utils.run.text import embed_texts
from utils.sources.ref import VideoRef
from utils.worker.plan import Task

DUPLICATE = 0.98  # a cosine from which windows of different videos count as near-duplicates


@dataclass(frozen=True)
class Alike:
    """One video's windows in a group of near-duplicates. windows: how many. spans: of adjacent ones, in seconds."""

    video: str
    windows: int
    spans: tuple[tuple[float | None, float | None], ...]
    path: str


@dataclass(frozen=True)
class Duplicates:
    """Videos that share near-duplicate windows. score: the median over windows of the cosine with the best other."""

    score: float
    videos: tuple[Alike, ...]


def text_type(output: str, feature_type: str | None, models: Mapping[str, Model]) -> str:
    """Return the feature type that a text is compared with: of several, the one with a text tower."""
    return recorded(output, None, models).feature_type if feature_type is None else feature_type


class Search:
    """Searches the windows of one output folder. note: for the user, about the last search; may be empty.

    run: names the device for texts and examples, and the folder of weights. checkpoint: the file of the network, if it
    is no longer where the run had it.
    """

    def __init__(
        self,
        output: str,
        models: Mapping[str, Model],
        feature_type: str | None = None,
        feature: str | None = None,
        run: RunConfig | None = None,
        is_exact: bool = False,
        tell: Callable[[str], None] = lambda _: None,
        checkpoint: str | None = None,
    ) -> None:
        self._output, self._models, self._run = output, models, run or RunConfig()
        self._is_exact, self._tell = is_exact, tell
        self._flags = {} if checkpoint is None else {"checkpoint": checkpoint}
        self.collection = SavedWindows.at(output, feature_type, feature)
        self.note = ""

    def text(self, text: str, top: int, least: float = -math.inf) -> list[Hit]:
        """Return the windows most like a text, by the network that made the features.

        Raises:
            UserError: their type has no text tower.
        """
        feature_type = self.collection.feature_type
        like = recorded(self._output, feature_type, self._models)
        device = choose(self._run)[0].devices[0]
        (vector,) = embed_texts([text], self._run, feature_type, self._flags, self._models, device, self._tell, like)
        return self.vector(vector, top, least)

    def example(self, text: str, top: int, least: float = -math.inf) -> list[Hit]:
        """Return the windows most like NAME@SECONDS, FILE@SECONDS, NAME or FILE, without that example itself.

        Raises:
            UserError, VideoError: there is no such example, or it cannot be used.
        """
        return self._like(example_of(text, self.collection, self._extract), top, least)

    def picture(self, pixels: np.ndarray, top: int, least: float = -math.inf) -> list[Hit]:
        """Return the windows most like a picture, uint8 [H, W, 3]."""
        return self._like(picture_example(pixels, self.collection, self._extract), top, least)

    def vector(self, vector: np.ndarray, top: int, least: float = -math.inf) -> list[Hit]:
        """Return the windows with the highest cosines with a vector, float [D].

        Raises:
            UserError: its size is not that of the rows, or it has no direction.
        """
        return self._like(Example(np.asarray(vector)), top, least)

    def _like(self, example: Example, top: int, least: float) -> list[Hit]:
        _check_top(top)
        vector = example.vector.astype(np.float64)
        if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
            raise UserError(f"a query is a vector of finite numbers, not all 0; this one is {list(vector.shape)}")
        own_id, own_row = example.own or ("", None)
        n_own = 0
        if example.own:
            line = self.collection.latest.get(own_id)
            n_own = 1 if own_row is not None or line is None else max(1, line.windows)
        scores, windows = self._nearest(vector, top + n_own, least)
        if example.own:
            is_own = np.array([self.collection.ids[video] == own_id for video in windows["video"].tolist()], bool)
            is_own &= own_row is None or windows["row"] == own_row
            scores, windows = scores[~is_own], windows[~is_own]
        return self.collection.hits(scores[:top], windows[:top])

    def _nearest(self, vector: np.ndarray, k: int, least: float) -> tuple[np.ndarray, np.ndarray]:
        found = None if self._is_exact else self._index()
        if found is not None:
            _check_size(found.cells.d, vector)
            return found.nearest(vector, k, least)
        blocks = self.collection.blocks()
        ((scores, windows),) = nearest((_of_size(block, vector) for block in blocks), vector[None], k, least)
        self.note = f"left out: {self.collection.left_out}" if str(self.collection.left_out) else ""
        return scores, windows

    def _index(self) -> index.Index | None:
        """Return the index, made if there is none; None if every window is to be compared."""
        n_windows = sum(line.windows for line in self.collection.lines())
        if n_windows < index.FROM_WINDOWS or self.collection.folder.local is None:
            return None
        if not index.is_installed():
            self._tell(f"{counted(n_windows, 'window')} are compared one by one; pip install faiss-cpu for an index")
            return None
        found = index.open_index(self.collection)
        if found is None:
            self._tell(f"making an index of {counted(n_windows, 'window')}, once")
            found = index.make_index(self.collection)
        self.note = f"by an index: recall {found.recall:.3f} of what --exact finds"
        return found

    def outliers(self, top: int, least: float | None = None) -> list[Hit]:
        """Return the windows farthest from those of other videos, the farthest first.

        least: the lowest distance that counts; None for Tukey's fence, which `note` says.
        """
        _check_top(top)
        references = likeness.sample(self.collection.blocks(), likeness.REFERENCES)
        distances, windows = likeness.distances(self.collection.blocks(), references)
        fence = likeness.fence(distances)
        unusual = np.flatnonzero(distances >= least if least is not None else distances > fence)
        order = unusual[np.argsort(-distances[unusual], kind="stable")][:top]
        self.note = (
            f"{len(unusual)} of {counted(len(distances), 'window')}; "
            f"distance of any: median {np.median(distances):.3f}, unusual above {fence:.3f}"
        )
        self._note_left_out()
        return self.collection.hits(distances[order], windows[order])

    def duplicates(self, top: int, least: float | None = None) -> list[Duplicates]:
        """Return groups of near-duplicates, the one with the most windows first. least: the lowest cosine of a pair."""
        _check_top(top)
        with likeness.packed(self.collection) as all_windows:
            groups = likeness.duplicates(all_windows, DUPLICATE if least is None else least)
            about = "no windows of different videos"
            if usual := likeness.usual(all_windows):
                about = f"of windows of different videos at random: cosine {usual[0]:.3f}, 99.9% below {usual[1]:.3f}"
            self.note = f"{counted(len(groups), 'group')}; {about}"
            self._note_left_out()
            return [self._duplicates(group, all_windows) for group in groups[:top]]

    def _note_left_out(self) -> None:
        self.note += f"; left out: {self.collection.left_out}" if str(self.collection.left_out) else ""

    def _duplicates(self, group: likeness.DuplicateGroup, all_windows: likeness.Packed) -> Duplicates:
        alike: list[Alike] = []
        for part in group.parts:
            windows = all_windows.windows[part.members]
            breaks = np.flatnonzero(np.diff(windows["row"]) > 1) + 1
            runs = [self.collection.hits([0.0, 0.0], run[[0, -1]]) for run in np.split(windows, breaks)]
            spans = tuple((first.start_s, last.end_s) for first, last in runs)
            alike.append(Alike(runs[0][0].video, len(windows), spans, runs[0][0].path))
        return Duplicates(group.score, tuple(alike))

    def _extract(self, ref: VideoRef) -> Saved:
        """Return the features of a file by the network and settings that made the collection."""
        resources, _ = choose(self._run)
        resources = replace(resources, devices=resources.devices[:1])
        like = recorded(self._output, self.collection.feature_type, self._models)
        if like.is_random:
            self._tell(RANDOM_WARNING)
        if like.settings.get("align"):
            raise UserError(f"{like.place}: made with --align, with other types; give NAME@SECONDS of a video in it")
        plan = plan_like(like, self._run, self._models, resources, self._flags)
        from utils.worker.session import Session  # here: it imports PyTorch

        with contextlib.closing(Session(plan)) as session:
            task = Task(ref, (self.collection.feature_type,))
            (outcome,) = session.extract([task], ordered=True, predicted=lambda *_: None)
        if outcome.record is None:
            raise VideoError(outcome.reason)
        return Saved.of(outcome.record.timed_arrays, next(self.collection.lines()).fps)


def _of_size(block: WindowBlock, vector: np.ndarray) -> WindowBlock:
    _check_size(block.rows.shape[1], vector)
    return block


def _check_top(top: int) -> None:
    if top < 1:
        raise UserError(f"top is {top}: must be at least 1")


def _check_size(size: int, vector: np.ndarray) -> None:
    if len(vector) != size:
        raise UserError(f"the query has {len(vector)} numbers, the rows have {size}")
