"""What the axes of two arrays of features may mean: rows, crops and columns, and which columns belong together."""

from collections.abc import Callable, Iterator

import numpy as np

from utils.run.row_maps import unchanged

MOST_CROPS = 32
Columns = Callable[[np.ndarray], np.ndarray]


def layouts(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[tuple[str, ...], np.ndarray, np.ndarray]]:
    """Yield what the axes may be, the likeliest first: steps, A [rows, crops, D] and B [rows, crops, D]."""
    for note_a, form_a in _forms(a, "A"):
        for note_b, form_b in _forms(b, "B"):
            for note, of_a, of_b in _columns(form_a.shape[2], form_b.shape[2], note_a, note_b):
                yield tuple(filter(None, (note_a, note_b, note))), of_a(form_a), of_b(form_b)


def _forms(array: np.ndarray, who: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield an array as [rows, crops, D] in the ways that its axes may be meant. Axes of length 1 do not count."""
    if array.ndim == 1:
        yield "", array[None, None]
        return
    inner = [size for size in array.shape[1:] if size != 1]
    plain = array.reshape(len(array), *inner)
    if not inner:
        yield "", plain[None, None]
    elif len(inner) == 1:
        yield "", plain[:, None]
        yield f"{who} is transposed, [D, T]", plain.T[:, None]
    elif len(inner) == 2:
        if len(array) == 1:
            yield "", plain[0][:, None]
        if inner[0] <= MOST_CROPS:
            yield "", plain
        if len(array) <= MOST_CROPS:
            yield f"{who} has its crops first, [crops, T, D]", plain.swapaxes(0, 1)
    if len(inner) > 2 or (len(inner) == 2 and inner[0] > MOST_CROPS):
        yield "", plain.reshape(len(array), 1, -1)


def _columns(n_a: int, n_b: int, note_a: str, note_b: str) -> Iterator[tuple[str, Columns, Columns]]:
    """Yield how columns of A and B may belong together. note_a, note_b: how their axes are taken, "" for as usual."""
    is_plain = not note_a and not note_b
    if n_a == n_b and (is_plain or bool(note_a) != bool(note_b)):
        yield "", unchanged, unchanged
        if n_a % 2 == 0:
            yield "the halves of the columns are swapped (flow before rgb?)", unchanged, _swapped
    elif is_plain and n_a == 2 * n_b:
        yield "B is the first half of A's columns", lambda x: x[..., :n_b], unchanged
        yield "B is the second half of A's columns", lambda x: x[..., n_b:], unchanged
    elif is_plain and n_b == 2 * n_a:
        yield "A is the first half of B's columns", unchanged, lambda x: x[..., :n_a]
        yield "A is the second half of B's columns", unchanged, lambda x: x[..., n_a:]


def _swapped(array: np.ndarray) -> np.ndarray:
    return np.roll(array, array.shape[-1] // 2, axis=-1)
