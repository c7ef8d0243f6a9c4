"""The best classes of windows: those that --show_pred saved, and labels in the space of the features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.errors import RunError
from utils.explore.view.collection import FeatureFolder
from utils.explore.view.numbers import listed
from utils.explore.view.series import MOST_ROWS
from utils.sinks import top_classes
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.rows import unit, vectors

LANES = 8  # classes that are drawn: those with the highest score anywhere in the video
BEST = 5  # of each window

Times = tuple[np.ndarray, np.ndarray]  # starts and ends in seconds


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
    return [
        _track("probability", key, (start_s, end_s), each.names, each.best, each.probabilities)
        for key, each in by_key.items()
    ]


def label_track(labels: Labels, key: str, rows: np.ndarray, times: Times) -> dict[str, Any]:
    """Return what the page draws of labels. rows: features [windows, D]. times: starts and ends in seconds."""
    step = max(1, -(-len(rows) // MOST_ROWS))
    cosines = labels.cosines(unit(vectors(rows[::step])))
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :BEST]
    scores = np.take_along_axis(cosines, best, axis=1)
    lanes = _lanes(best, scores)
    found = _described("cosine", key, (times[0][::step], times[1][::step]), labels.names, best, scores)
    return found | {"lanes": [labels.names[i] for i in lanes], "shares": [listed(cosines[:, i]) for i in lanes]}


def _track(
    what: str,
    key: str,
    times: Times,
    names: list[str],
    best: np.ndarray,
    scores: np.ndarray,
) -> dict[str, Any]:
    step = max(1, -(-len(best) // MOST_ROWS))
    best, scores = best[::step], scores[::step]
    lanes = _lanes(best, scores)
    shares = [np.where(best == i, scores, 0).max(axis=1, initial=0) for i in lanes]
    found = _described(what, key, (times[0][::step], times[1][::step]), names, best, scores)
    return found | {"lanes": [names[i] for i in lanes], "shares": list(map(listed, shares))}


def _described(
    what: str,
    key: str,
    times: Times,
    names: list[str],
    best: np.ndarray,
    scores: np.ndarray,
) -> dict[str, Any]:
    used, places = np.unique(best, return_inverse=True)
    return {
        "what": what, "key": key, "start_s": listed(times[0], 3), "end_s": listed(times[1], 3),
        "names": [names[i] for i in used], "best": places.reshape(best.shape).tolist(),
        "scores": listed(scores),
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
