"""The best classes of windows: those that --show_pred saved, and labels in the space of the features."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.errors import RunError
from utils.explore.view.collection import FeatureFolder
from utils.explore.view.numbers import listed
from utils.explore.view.series import step_of, times_json
from utils.sinks import top_classes
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.rows import unit, vectors

LANES = 8  # classes that are drawn: those with the highest score anywhere in the video
BEST = 5  # of each window

Times = dict[str, list[Any]]  # as `times_json`


@dataclass(frozen=True)
class Labels:
    """Texts in the space of a feature type's rows. vectors: float32 [n, D], of length 1."""

    names: list[str]
    vectors: np.ndarray

    @classmethod
    def of(cls, names: list[str], given: np.ndarray) -> "Labels":
        """Return labels with their vectors [n, D], whatever length these have."""
        return cls(names, unit(vectors(given)))

    def cosines(self, vectors: np.ndarray) -> np.ndarray:
        """Return float32 [windows, n]. vectors: [windows, D], of length 1."""
        return vectors @ self.vectors.T

    def fit(self, rows: np.ndarray) -> bool:
        """Return whether rows are vectors of the same size."""
        return rows.ndim == 2 and rows.shape[1] == self.vectors.shape[1]


def saved(folder: FeatureFolder, line: ManifestLine) -> tuple[np.ndarray, np.ndarray, dict[str, top_classes.Classes]]:
    """Return what --show_pred saved of a video, as `top_classes.read`; empty without it. RunError if it is damaged."""
    if not line.top_classes:
        return np.zeros(0), np.zeros(0), {}
    if not folder.holds(line.top_classes):
        raise RunError(f"{line.name}: the manifest names {line.top_classes}, which is not in the output folder")
    return top_classes.read(folder.folder, line.top_classes)


def saved_tracks(folder: FeatureFolder, line: ManifestLine) -> list[dict[str, Any]]:
    """Return for each key what the page draws of the classes that --show_pred saved."""
    start_s, end_s, by_key = saved(folder, line)
    drawn = slice(None, None, step_of(len(start_s)))
    times = times_json(start_s[drawn], end_s[drawn], line.fps)
    return [_saved_track(key, times, each, drawn) for key, each in by_key.items()]


def label_track(
    labels: Labels, key: str, rows: np.ndarray, times: tuple[np.ndarray, np.ndarray], fps: float | None
) -> dict[str, Any]:
    """Return what the page draws of labels. rows: features [windows, D]. times: starts and ends in seconds."""
    drawn = slice(None, None, step_of(len(rows)))
    cosines = labels.cosines(unit(vectors(rows[drawn])))
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :BEST]
    scores = np.take_along_axis(cosines, best, axis=1)
    shown = times_json(times[0][drawn], times[1][drawn], fps)
    return _track("cosine", key, shown, labels.names, (best, scores), lambda number: cosines[:, number])


def _saved_track(key: str, times: Times, classes: top_classes.Classes, drawn: slice) -> dict[str, Any]:
    best, scores = classes.best[drawn], classes.probabilities[drawn]

    def share(number: int) -> np.ndarray:
        return np.where(best == number, scores, 0).max(axis=1, initial=0)

    return _track("probability", key, times, classes.names, (best, scores), share)


def _track(
    what: str,
    key: str,
    times: Times,
    names: list[str],
    top: tuple[np.ndarray, np.ndarray],
    share: Callable[[int], np.ndarray],
) -> dict[str, Any]:
    """Return what the page draws. top: each window's best classes and their scores. share: by number of a class."""
    best, scores = top
    lanes = _lanes(best, scores)
    used, places = np.unique(best, return_inverse=True)
    return {
        "what": what, "key": key, **times,
        "names": [names[i] for i in used], "best": places.reshape(best.shape).tolist(), "scores": listed(scores),
        "lanes": [names[i] for i in lanes], "shares": [listed(share(i)) for i in lanes],
    }  # fmt: skip


def _lanes(best: np.ndarray, scores: np.ndarray) -> list[int]:
    """Return the classes that are drawn, the one with the highest score first."""
    highest: dict[int, float] = {}
    for number, score in zip(best.ravel().tolist(), np.nan_to_num(scores, nan=-1).ravel().tolist(), strict=True):
        highest[number] = max(score, highest.get(number, -1.0))
    return sorted(highest, key=lambda number: -highest[number])[:LANES]


def of_windows(number: np.ndarray, row: np.ndarray, best: Mapping[int, list[str]]) -> list[str]:
    """Return the best class of each window of a map, "" where none is known. best: by a video's number."""
    none: list[str] = []
    found = ((best.get(video, none), at) for video, at in zip(number.tolist(), row.tolist(), strict=True))
    return [names[at] if at < len(names) else "" for names, at in found]


def best_names(folder: FeatureFolder, line: ManifestLine, key: str) -> list[str]:
    """Return the best class of each window of a video, [] where --show_pred saved none."""
    try:
        found = saved(folder, line)[2].get(key)
    except RunError:  # the video's own view says what is wrong
        return []
    return [] if found is None or not found.best.size else [found.names[i] for i in found.best[:, 0]]
