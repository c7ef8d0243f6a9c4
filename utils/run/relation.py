"""How two arrays of features of one video are related: equal, scaled, transposed, shifted, other crops, unrelated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from utils.run.axes import layouts
from utils.run.packs import Saved
from utils.run.row_maps import GOOD, cosines, find_rows, plain_map
from utils.sinks.rows import unit

RELATED = 0.5  # correlation of rows, each minus the mean row: unrelated ones are near 0
ALIKE = 0.9  # cosine of rows: one network's on wrong colours or without mean and deviation have more, mostly
CLOSE = 0.1  # relative error up to which what is found counts as the rule, and the rest as noise
LEVELS = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)

Compared = tuple[str, tuple[tuple[int, ...], tuple[int, ...]], "Relation"]  # key, shapes of A and B, relation


@dataclass(frozen=True)
class Relation:
    """How B follows from A.

    steps: what makes them comparable, in words; none where they are compared as stored.
    error: ||A - B|| / ||B|| as stored, None where shapes differ. left: the same after the steps.
    cosine_median, cosine_worst: of matched rows, after the steps. verdict: all of it in words.
    kind: "equal", "near" (the steps hold, some error is left), "similar", "alike" (in what all rows share, not in how
    they change), "unrelated", "incomparable" or "unread".
    """

    steps: tuple[str, ...]
    error: float | None
    left: float | None
    cosine_median: float | None
    cosine_worst: float | None
    verdict: str
    kind: str = "incomparable"

    @property
    def distance(self) -> float:
        """`left`, infinite where it is None."""
        return np.inf if self.left is None else self.left

    def is_equal(self, tolerance: float) -> bool:
        """Return whether the arrays are equal as stored."""
        return self.error is not None and self.error <= tolerance


@dataclass(frozen=True)
class _Found:
    """Rows of both that belong together, [n, crops, D], the steps that led there, and the loss that is left."""

    a: np.ndarray
    b: np.ndarray
    steps: tuple[str, ...]
    loss: float


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return ||a - b|| / ||b||."""
    wide = a.astype(np.float64) - b
    return float(np.linalg.norm(wide) / max(np.linalg.norm(b.astype(np.float64)), 1e-30))


def relate(a: np.ndarray, b: np.ndarray, saved_a: Saved, saved_b: Saved, tolerance: float) -> Relation:
    """Return how two arrays of one video are related. saved_a, saved_b: say when their rows are."""
    if a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b):
        return Relation((), 0.0, 0.0, 1.0, 1.0, "equal to the bit", "equal")
    float_a, float_b, notes = _finite(a, "A"), _finite(b, "B"), _holes(a, b)
    found: _Found | None = None
    for steps, form_a, form_b in layouts(float_a, float_b):
        new = _matched(form_a, form_b, steps, saved_a, saved_b)
        if found is None or new.loss < found.loss / 2:
            found = new
        if found.loss < GOOD:
            break
    if found is None:
        return Relation((), None, None, None, None, f"not comparable: {list(a.shape)} and {list(b.shape)}")
    rows_a, rows_b = (x.reshape(-1, x.shape[-1]) for x in (found.a, found.b))
    rows_a, rows_b = _without_holes(rows_a, rows_b, bool(notes))
    if not len(rows_a):
        return Relation((), None, None, None, None, f"{notes}: no row of numbers in both")
    error = relative_error(float_a, float_b) if a.shape == b.shape else None
    error = relative_error(rows_a, rows_b) if error is None and not found.steps else error
    step, rows_a, rows_b = _value_step(rows_a, rows_b, tolerance)
    cosine = cosines(rows_a, rows_b)
    steps = (*found.steps, *([step] if step else []))
    left = relative_error(rows_a, rows_b)
    kind, ending = _ending(rows_a, rows_b, left, bool(steps), float(np.median(cosine)), tolerance)
    if kind == "equal":
        ending = _equal(rows_a, rows_b, left, (a.dtype, b.dtype))
    if kind in ("alike", "unrelated"):
        steps = ()
    verdict = "; ".join(filter(None, (*steps, ending, notes)))
    return Relation(steps, error, left, float(np.median(cosine)), float(cosine.min()), verdict, kind)


def _finite(array: np.ndarray, who: str) -> np.ndarray:
    """Return floats, zero in rows with NaN or infinity."""
    floats = array.astype(np.float64 if array.dtype == np.float64 else np.float32)
    return np.where(_is_whole(floats), floats, 0)


def _is_whole(array: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(array).all(axis=tuple(range(1, array.ndim)), keepdims=True))


def _holes(a: np.ndarray, b: np.ndarray) -> str:
    counts = {who: int(np.sum(~_is_whole(array))) for who, array in (("A", a), ("B", b)) if array.dtype.kind == "f"}
    return "; ".join(f"rows of {who} with NaN or infinity are left out ({n})" for who, n in counts.items() if n)


def _without_holes(a: np.ndarray, b: np.ndarray, has_holes: bool) -> tuple[np.ndarray, np.ndarray]:
    kept = a.any(axis=1) & b.any(axis=1) if has_holes else slice(None)
    return a[kept], b[kept]


def _matched(a: np.ndarray, b: np.ndarray, steps: tuple[str, ...], saved_a: Saved, saved_b: Saved) -> _Found:
    """Return rows [n, crops, D] that belong together, the best of what means over crops and single crops tell."""
    plain = plain_map(len(a), len(b), saved_a.middle_s, saved_b.middle_s)
    best: _Found | None = None
    for means_a, means_b in _single_crops(a, b):
        rows, _ = find_rows(means_a, means_b, plain, saved_a.hop_frames or saved_b.hop_frames)
        crops, rows_a, rows_b = _crops(rows.of_a(a), rows.of_b(b))
        loss = float(np.mean(1 - cosines(*(x.reshape(-1, x.shape[-1]) for x in (rows_a, rows_b)))))
        if best is None or loss < best.loss / 2:
            best = _Found(rows_a, rows_b, (*steps, *filter(None, (crops, rows.step))), loss)
        if best.loss < GOOD:
            break
    assert best is not None
    return best


def _single_crops(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows [n, D] to match A and B by: means over crops, then each crop where one side has only one."""
    yield a.mean(axis=1), b.mean(axis=1)
    if 1 in (a.shape[1], b.shape[1]) and a.shape[1] != b.shape[1]:
        for i in range(max(a.shape[1], b.shape[1])):
            yield a[:, i % a.shape[1]], b[:, i % b.shape[1]]


def _crops(a: np.ndarray, b: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """Return how the crops belong together, and A and B with as many crops each."""
    n_a, n_b = a.shape[1], b.shape[1]
    if n_a == n_b == 1:
        return "", a, b
    if n_a < n_b:
        words, b, a = _crops_of(b, a, "B", "A")
        return words, a, b
    return _crops_of(a, b, "A", "B")


def _crops_of(many: np.ndarray, few: np.ndarray, who: str, other: str) -> tuple[str, np.ndarray, np.ndarray]:
    """Return which crops of `many` [n, M, D] those of `few` [n, m, D] are, or that they are the mean."""
    table = np.array(
        [[np.mean(cosines(many[:, i], few[:, j])) for i in range(many.shape[1])] for j in range(few.shape[1])]
    )
    best = table.argmax(axis=1)
    in_order = list(range(many.shape[1]))
    if many.shape == few.shape and (
        best.tolist() == in_order or np.trace(table) / len(in_order) > table.max(1).mean() - GOOD
    ):
        return "", many, few
    if few.shape[1] == 1:
        mean = many.mean(axis=1, keepdims=True)
        if np.mean(cosines(mean[:, 0], few[:, 0])) > table.max():
            return f"{other} is the mean over {who}'s {many.shape[1]} crops", mean, few
        return f"{other} holds {who}'s crop {best[0]}", many[:, best], few
    return f"{other}'s crops are {who}'s crops {', '.join(map(str, best))}", many[:, best], few


def _value_step(a: np.ndarray, b: np.ndarray, tolerance: float) -> tuple[str, np.ndarray, np.ndarray]:
    """Return what the numbers of B are of those of A, and both after that; "" where they are compared as they are."""
    plain = relative_error(a, b)
    best, least = ("", a, b), plain
    for words, new_a, new_b in _value_steps(a, b) if plain > tolerance else ():
        error = relative_error(new_a, new_b)
        if error < min(CLOSE, plain / 2) and error < least / 2:
            best, least = (words, new_a, new_b), error
    return best


def _value_steps(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    lengths_a, lengths_b = (np.linalg.norm(x, axis=1) for x in (a, b))
    if np.allclose(lengths_b, 1, atol=1e-2):
        yield "B is L2-normalized", unit(a), b
    if np.allclose(lengths_a, 1, atol=1e-2):
        yield "A is L2-normalized", a, unit(b)
    scale = float(np.sum(np.einsum("nd,nd->n", a, b), dtype=np.float64) / max(np.sum(lengths_a**2), 1e-30))
    yield f"the same up to scale: B = {scale:.4g} A", a * a.dtype.type(scale), b
    if b.min() >= 0 > a.min():
        yield "B is A after ReLU", np.maximum(a, 0), b
    if a.min() >= 0 > b.min():
        yield "A is B after ReLU", a, np.maximum(b, 0)


def _ending(
    a: np.ndarray, b: np.ndarray, left: float, has_steps: bool, cosine: float, tolerance: float
) -> tuple[str, str]:
    """Return the kind of relation of matched rows, and the words for it."""
    if left <= tolerance:
        return "equal", ""
    if _correlation(a, b) > RELATED:
        if has_steps and left <= CLOSE:
            return "near", f"then {left:.2g} apart"
        return "similar", f"similar, not equal (cosine {cosine:.3f}): other pixels, frames or weights"
    if cosine > ALIKE:
        return "alike", f"alike, not equal (cosine {cosine:.3f}): rows change in other ways; other pixels or weights"
    return "unrelated", "unrelated"


def _equal(a: np.ndarray, b: np.ndarray, left: float, dtypes: Sequence[np.dtype]) -> str:
    """Return how far rows are equal, in words."""
    if np.array_equal(a, b):
        return "equal to the bit" if dtypes[0] == dtypes[1] else f"equal ({dtypes[0]} and {dtypes[1]})"
    with np.errstate(over="ignore"):
        half_a, half_b = a.astype(np.float16), b.astype(np.float16)
    if np.array_equal(half_a, half_b):
        for who, full, half in (("A", a, half_a), ("B", b, half_b)):
            if np.array_equal(full, half.astype(full.dtype)):
                return f"{who} is float16 of the same"
    return f"equal within {next((level for level in LEVELS if left <= level), left):.0e}".replace("e-0", "e-")


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean correlation of rows, without what all rows of a video share; of few rows, of their columns."""
    axis = 0 if len(a) > 3 else 1
    return float(np.mean(cosines(a - a.mean(axis=axis, keepdims=True), b - b.mean(axis=axis, keepdims=True))))


def unread(reason: str) -> Relation:
    """Return what is said of a video that cannot be read."""
    return Relation((), None, None, None, None, reason, "unread")


def best_relation(a: Saved, b: Saved, tolerance: float) -> list[Compared]:
    """Return the relation of each key that both have; where there is none, of the two arrays that fit best."""
    pairs = [(key, a.features[key], b.features[key]) for key in a.features if key in b.features]
    if pairs:
        return [(key, (x.shape, y.shape), relate(x, y, a, b, tolerance)) for key, x, y in pairs]
    found: list[Compared] = []
    for key_a, x in _joined(a.features):
        for key_b, y in _joined(b.features):
            found.append((f"{key_a}/{key_b}", (x.shape, y.shape), relate(x, y, a, b, tolerance)))
    return sorted(found, key=_rank)[:1]


def unpaired(saved: Saved, other: Saved) -> tuple[str, ...]:
    """Return the keys that `other` lacks; none where they have no key in common, but perhaps arrays of other names."""
    own, common = saved.features.keys(), saved.features.keys() & other.features.keys()
    return tuple(sorted(own - common)) if common else ()


def _rank(one: Compared) -> tuple[float, float]:
    """Return what sorts equal arrays before others, the largest of them first."""
    _, (shape_a, shape_b), relation = one
    is_equal = relation.kind == "equal"
    return (0.0, -float(np.prod(shape_a) + np.prod(shape_b))) if is_equal else (1.0, relation.distance)


def _joined(features: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of a video by key, and all of them side by side where they have the same rows."""
    yield from features.items()
    if len(features) > 1 and len({array.shape[:-1] for array in features.values()}) == 1:
        yield "+".join(features), np.concatenate(list(features.values()), axis=-1)
