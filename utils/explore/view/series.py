"""What the page draws of one video on its time axis."""

from typing import Any

import numpy as np

from utils.explore.view.flow import is_flow, speeds
from utils.explore.view.numbers import binned, bytes_of, listed, principal
from utils.explore.view.windows import are_vectors, rows_of, times_of
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.rows import nearest_rows, unit, vectors

MOST_ROWS = 4000  # of a video that are drawn: of more, every second, third ...
MATRIX = 256  # rows and columns of the self-similarity matrix that is sent
COMPONENTS = 3
FLOW_PICTURES = 60
MOST_VALUES = 1 << 28  # of one key, flow left out
POINT_S = 1e-3  # a row that is shorter is a single frame


def series_of(line: ManifestLine, arrays: dict[str, np.ndarray], length_s: float) -> list[dict[str, Any]]:
    """Return a description of each key of a video: its rows' times, and what changes from row to row."""
    return [_one(key, arrays, line, length_s) for key in line.features if key in arrays]


def step_of(n_rows: int) -> int:
    """Return of how many rows one is drawn."""
    return max(1, -(-n_rows // MOST_ROWS))


def cells(start_s: np.ndarray, end_s: np.ndarray, fps: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return from when and until when each row is drawn, in seconds, where two cannot be drawn at one time.

    A row of a single frame lasts until the next one; the last, as long as rows usually do, alone as a frame of fps.
    Windows that overlap meet in the middle of what they share.
    """
    hops = np.diff(start_s)
    usual = float(np.median(hops[hops > 0])) if (hops > 0).any() else 1 / fps if fps else 0.0
    hops = np.append(hops, usual)[: len(start_s)]
    until_s = np.where(end_s - start_s < POINT_S, start_s + np.where(hops > 0, hops, usual), end_s)
    overlap = until_s[:-1] > start_s[1:]
    shared_s = (until_s[:-1] + start_s[1:]) / 2
    from_s = np.append(start_s[:1], np.where(overlap, shared_s, start_s[1:]))
    to_s = np.append(np.where(overlap, shared_s, until_s[:-1]), until_s[-1:])
    return from_s, np.maximum(from_s, to_s)


def times_json(start_s: np.ndarray, end_s: np.ndarray, fps: float | None) -> dict[str, list[Any]]:
    """Return when rows start and end, and where they are drawn, as JSON has it."""
    from_s, to_s = cells(start_s, end_s, fps)
    named = {"start_s": start_s, "end_s": end_s, "from_s": from_s, "to_s": to_s}
    return {name: listed(times, 3) for name, times in named.items()}


def _one(key: str, arrays: dict[str, np.ndarray], line: ManifestLine, length_s: float) -> dict[str, Any]:
    rows = rows_of(arrays[key], line)
    step = step_of(len(rows))
    start_s, end_s, known = times_of(arrays, len(rows), line, length_s)
    about = {
        "key": key, "shape": list(arrays[key].shape), "dtype": str(arrays[key].dtype), "rows": len(rows), "step": step,
        **times_json(start_s[::step], end_s[::step], line.fps), "times_known": known,
        "not_finite": 0 if arrays[key].dtype.kind not in "fc" else int((~np.isfinite(rows)).any(axis=tuple(
            range(1, rows.ndim))).sum()),
    }  # fmt: skip
    if is_flow(rows.shape):
        return about | {"flow": _flow(rows, step)}
    if rows.size > MOST_VALUES or not are_vectors(rows):
        return about
    return about | _changes(unit(vectors(rows[::step])))


def _flow(rows: np.ndarray, step: int) -> dict[str, Any]:
    speed = speeds(rows[::step])
    pictured = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), FLOW_PICTURES)).astype(int)) if len(rows) else []
    return {"speed": listed(speed), "rows": [int(row) for row in pictured], "most": full_speed(rows)}


def full_speed(rows: np.ndarray) -> float:
    """Return the speed of full colour: that of the fastest hundredth of the pixels of a few fields."""
    few = np.asarray(rows[:: max(1, len(rows) // 8)], np.float32)
    with np.errstate(all="ignore"):
        speed = np.hypot(few[:, 0, ::4, ::4], few[:, 1, ::4, ::4])
    speed = speed[np.isfinite(speed)]
    return round(float(np.percentile(speed, 99)), 4) if speed.size else 1.0


def _changes(units: np.ndarray) -> dict[str, Any]:
    """Return 1 - cosine of neighbours, components, and cosines of all pairs. units: float32 [n, D], of length 1."""
    change = 1 - np.einsum("ij,ij->i", units[1:], units[:-1])
    scores, shares = principal(units, COMPONENTS)
    most = max(float(np.abs(scores).max(initial=0)), 1e-9)
    cosines = binned(units @ units.T, MATRIX)
    low = float(cosines.min(initial=1))
    return {
        "change": listed(change, 6),
        "components": [listed(column / most) for column in scores.T],
        "shares": listed(shares),
        "similarity": {"n": len(cosines), "low": round(low, 4), "high": 1, "values": bytes_of(cosines, low, 1.0)},
    }


def row_cosines(
    rows: np.ndarray, others: np.ndarray, middle_s: np.ndarray, other_middle_s: np.ndarray
) -> list[Any] | None:
    """Return each row's cosine with the row of another output at the same time; None if these have other lengths."""
    if rows.shape[1:] != others.shape[1:] or not len(rows) or not len(others):
        return None
    found = nearest_rows(other_middle_s, middle_s)
    return listed(np.einsum("ij,ij->i", unit(vectors(rows)), unit(vectors(others[found]))), 6)


def notes_of(line: ManifestLine) -> list[str]:
    """Return what is wrong with a video, each thing once, without its path."""
    reason = line.reason.removeprefix(f"{line.source.path}: ")
    return [*(problem for problem in line.problems if problem not in reason), *([reason] if reason else [])]
