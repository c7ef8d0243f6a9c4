"""Which rows of two arrays of one video belong together: by time, shifted, every n-th, averaged, interpolated."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from utils.sinks.rows import nearest_rows, unit

Rows = Callable[[np.ndarray], np.ndarray]  # [rows, ...] → [matched rows, ...]

GOOD = 5e-7  # 1 - cosine, of rows within 1e-3 of each other
SCORED_ROWS = 512  # of an array, spread over it
SEARCHED_ROWS = 1024  # at the start of an array, by which shifts and strides are found
MOST_COLUMNS = 4096  # that are looked at for that, spread over all
MOST_OFFSET = 64
MOST_STRIDE = 64
ORDINALS = {2: "second", 3: "third"}


@dataclass(frozen=True)
class RowMap:
    """What makes rows of A and B belong together. step: in words; "" where row i belongs to row i."""

    step: str
    of_a: Rows
    of_b: Rows


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cosine of each pair of rows [n, D], 1 for two rows of zeros."""
    both_zero = ~(a.any(axis=1) | b.any(axis=1))
    return np.einsum("nd,nd->n", unit(a), unit(b)) + both_zero


def loss_of(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean of 1 - cosine of matched rows [n, D], by some of them."""
    every = slice(None, None, max(1, len(a) // SCORED_ROWS))
    return float(np.mean(1 - cosines(a[every], b[every]))) if len(a) else np.inf


def plain_map(n_a: int, n_b: int, middle_a: np.ndarray | None, middle_b: np.ndarray | None) -> RowMap:
    """Return the map by the times of the rows' middles in seconds, or by row numbers where one has no times."""
    if middle_a is not None and middle_b is not None and (len(middle_a), len(middle_b)) == (n_a, n_b):
        hops = [float(np.median(np.diff(middle))) for middle in (middle_a, middle_b) if len(middle) > 1]
        near = nearest_rows(middle_a, middle_b)
        same = np.flatnonzero(np.abs(middle_a[near] - middle_b) <= 0.5 * min(hops, default=0.1))
        if len(same):
            return _picked(near[same], same, n_a, n_b, "only rows with equal times")
    n = min(n_a, n_b)
    return _picked(np.arange(n), np.arange(n), n_a, n_b, "only the rows that both have")


def _picked(of_a: np.ndarray, of_b: np.ndarray, n_a: int, n_b: int, step: str) -> RowMap:
    is_plain = n_a == n_b == len(of_a) and np.array_equal(of_a, of_b)
    return RowMap("" if is_plain else step, lambda rows: rows[of_a], lambda rows: rows[of_b])


def find_rows(a: np.ndarray, b: np.ndarray, plain: RowMap, hop_frames: float | None) -> tuple[RowMap, float]:
    """Return the map that brings rows [n, D] of A and B together, and its loss: the plain one unless another halves it.

    hop_frames: how many frames the rows of a video are apart, for the words.
    """
    every = slice(None, None, max(1, a.shape[1] // MOST_COLUMNS))
    a, b = a[:, every], b[:, every]
    best, least = plain, loss_of(plain.of_a(a), plain.of_b(b))
    if least < GOOD and not plain.step:
        return best, least
    # rows that are equal at equal times are not shifted; that they are every n-th says more than that they are equal
    limit, others = (GOOD, iter(())) if least < GOOD else (least / 2, _resizes(len(a), len(b)))
    n_needed = len(plain.of_a(a)) if least < GOOD else 1
    for rows in (*_lines(a, b, hop_frames, shifts=least >= GOOD), *others):
        matched = rows.of_a(a)
        loss = loss_of(matched, rows.of_b(b)) if len(matched) >= n_needed else np.inf
        if loss < limit and (best is plain or loss < least - GOOD):
            best, least = rows, loss
            if least < GOOD:
                break
    return best, least


def _lines(a: np.ndarray, b: np.ndarray, hop_frames: float | None, shifts: bool) -> Iterator[RowMap]:
    """Yield the best shift of each, and the best way in which each may be every n-th row of the other."""
    similar = unit(a[:SEARCHED_ROWS]) @ unit(b[:SEARCHED_ROWS]).T
    strides = [(offset, step) for step in range(2, MOST_STRIDE + 1) for offset in range(step)]
    for searched in ([(offset, 1) for offset in range(1, MOST_OFFSET)] if shifts else [], strides):
        if best := _best(similar, len(a), len(b), searched):
            picked, first = _line(len(a), len(b), *best)
            yield RowMap(_line_words("B", "A", *best, hop_frames), picked, first)
        if best := _best(similar.T, len(b), len(a), searched):
            picked, first = _line(len(b), len(a), *best)
            yield RowMap(_line_words("A", "B", *best, hop_frames), first, picked)


def _best(table: np.ndarray, n_many: int, n_few: int, lines: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the offset and the stride by which rows are likest, of those that leave at least half of them.

    table: cosines of the first rows of `n_many` with the first of `n_few`.
    """
    found: tuple[float, tuple[int, int]] = (-np.inf, (0, 1))
    for offset, step in lines:
        n_left, n_wanted = -(-(n_many - offset) // step), min(n_many, n_few) if step == 1 else n_few
        if min(n_left, n_few) < max(n_wanted / 2, 1) or offset >= len(table):
            continue
        mean = float(np.mean(np.diagonal(table[offset::step])))
        if mean > found[0] + GOOD:
            found = (mean, (offset, step))
    return found[1] if np.isfinite(found[0]) else None


def _line(n_many: int, n_few: int, offset: int, step: int) -> tuple[Rows, Rows]:
    """Return what takes every n-th row of many from an offset on, and what takes as many of the others."""
    n = min(n_few, -(-(n_many - offset) // step))
    return lambda rows: rows[offset::step][:n], lambda rows: rows[:n]


def _line_words(who: str, other: str, offset: int, step: int, hop_frames: float | None) -> str:
    if step > 1:
        return f"{who} is every {ORDINALS.get(step, f'{step}th')} row of {other}, from row {offset}"
    frames = f" ({offset * hop_frames:g} frames)" if hop_frames else ""
    rows = f"{offset} row{'s' if offset > 1 else ''}{frames}"
    return f"{who} is {other} shifted by {rows}: {who}'s row 0 is {other}'s row {offset}"


def _resizes(n_a: int, n_b: int) -> Iterator[RowMap]:
    """Yield the maps between different numbers of rows."""
    if n_a == n_b:
        return
    for words, resize in _ways(n_a, n_b):
        yield RowMap(f"B is {words} A's rows", resize, unchanged)
    for words, resize in _ways(n_b, n_a):
        yield RowMap(f"A is {words} B's rows", unchanged, resize)


def unchanged(rows: np.ndarray) -> np.ndarray:
    """Return rows as they are."""
    return rows


def _ways(n: int, wanted: int) -> Iterator[tuple[str, Rows]]:
    """Yield the ways by which published features of `n` rows become `wanted` rows."""
    if wanted == 1:
        yield "the mean over", lambda rows: rows.mean(axis=0, keepdims=True)
        yield "the maximum over", lambda rows: rows.max(axis=0, keepdims=True)
        return
    for size in {*range(2, MOST_STRIDE + 1), n // wanted, -(-n // wanted)}:
        if size > 1 and wanted in (n // size, -(-n // size)):  # what is left over is dropped, or a mean of fewer
            starts = np.arange(wanted) * size
            yield f"means of {size} each of", lambda rows, s=starts, k=size: _means(rows[: wanted * k], s)
    bounds = np.linspace(0, n, wanted + 1, dtype=int)
    if wanted < n:
        yield f"the means of {wanted} equal segments of", lambda rows: _means(rows, bounds[:-1])
        spread = np.linspace(0, n - 1, wanted)
        for words, at in (("rounded", np.round(spread).astype(int)), ("rounded down", spread.astype(int))):
            yield f"{wanted} rows spread evenly ({words}) over", lambda rows, at=at: rows[at]
        for step, size in _overlapping(n, wanted):
            starts = np.arange(wanted) * step
            words = f"means of {size} each, {f'{step} rows' if step > 1 else 'a row'} apart, of"
            yield words, lambda rows, s=starts, k=size: _means_from(rows, s, k)
    ends = np.linspace(0, n - 1, wanted)
    middles = np.clip((np.arange(wanted) + 0.5) * n / wanted - 0.5, 0, n - 1)
    yield f"interpolated to {wanted} rows, ends on ends, from", lambda rows: _interpolated(rows, ends)
    yield f"interpolated to {wanted} rows, half-pixel centres, from", lambda rows: _interpolated(rows, middles)


def _means(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the mean of the rows from each start to before the next; of an empty one, its first row."""
    sizes = np.maximum(np.diff([*starts, len(rows)]), 1)
    return np.add.reduceat(rows, starts, axis=0) / sizes.reshape(-1, *[1] * (rows.ndim - 1)).astype(rows.dtype)


def _overlapping(n: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Yield the steps and sizes of windows that overlap, of which `n` rows have as many as wanted."""
    for step in range(1, MOST_STRIDE):
        for size in range(max(step, n - wanted * step) + 1, min(n - (wanted - 1) * step, MOST_STRIDE) + 1):
            yield step, size


def _means_from(rows: np.ndarray, starts: np.ndarray, size: int) -> np.ndarray:
    """Return the mean of `size` rows from each start on."""
    sums = np.cumsum(np.concatenate([np.zeros_like(rows[:1]), rows]), axis=0, dtype=np.float64)
    return ((sums[starts + size] - sums[starts]) / size).astype(rows.dtype)


def _interpolated(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    below = np.minimum(at.astype(int), len(rows) - 1)
    above = np.minimum(below + 1, len(rows) - 1)
    share = (at - below).reshape(-1, *[1] * (rows.ndim - 1)).astype(rows.dtype)
    return rows[below] * (1 - share) + rows[above] * share
