"""Rows of features: as vectors, their directions, and which row is nearest in time."""

import math

import numpy as np

SQUARABLE = (1e-15, 1e18)  # lengths whose squares are precise in float32


def vectors(rows: np.ndarray) -> np.ndarray:
    """Return a vector per row, float32 [n, D]: the mean over crops of [n, crops, D]; other rows are flattened."""
    with np.errstate(all="ignore"):  # sums of large numbers become infinite
        if rows.ndim == 3:
            return rows.mean(axis=1, dtype=np.float32)
        return rows.astype(np.float32).reshape(len(rows), math.prod(rows.shape[1:]))


def unit(rows: np.ndarray) -> np.ndarray:
    """Return rows [n, D] divided by their lengths, in their float dtype; zeros for rows of zeros, NaN or infinity."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if rows.dtype != np.float64 and not ((lengths > SQUARABLE[0]) & (lengths < SQUARABLE[1])).all():
            return unit(rows.astype(np.float64)).astype(rows.dtype)
        return np.where((lengths > 0) & np.isfinite(lengths), rows / lengths, 0)


def nearest_rows(middle_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """Return for each wanted time the row whose middle is nearest, int64 [n]; of two, the one with the earlier middle.

    middle_s: float64 [rows], in any order, at least one.
    """
    order = np.argsort(middle_s, kind="stable")
    ordered_s = middle_s[order]
    right = np.minimum(np.searchsorted(ordered_s, wanted_s), len(ordered_s) - 1)
    left = np.maximum(right - 1, 0)
    is_left = wanted_s - ordered_s[left] <= np.abs(ordered_s[right] - wanted_s)
    return order[np.searchsorted(ordered_s, ordered_s[np.where(is_left, left, right)])]
