"""Every planted difference between two arrays is found, with the right words and numbers."""

import itertools

import numpy as np
import pytest

from utils.run.packs import Saved
from utils.run.relation import best_relation, relate


def features(*shape, seed=0):
    """Return features as networks give them: not negative, changing slowly from row to row, float32."""
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(size=shape), axis=0) * 0.2
    return np.maximum(drift + 0.3 * rng.normal(size=shape) + 1, 0).astype(np.float32)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def stretched(rows, n):
    at = np.linspace(0, len(rows) - 1, n)
    return np.stack([np.interp(at, np.arange(len(rows)), column) for column in rows.T], 1).astype(np.float32)


X, CROPS, OTHER = features(40, 32), features(40, 10, 32), features(40, 32, seed=5)
FIRST = CROPS.swapaxes(0, 1)
APART = np.random.default_rng(2).normal(1, 1, (60, 10, 32)).astype(np.float32)
LONG = features(4000, 8)
SEGMENTS = np.linspace(0, 40, 17, dtype=int)
NOISE = np.random.default_rng(1).normal(size=X.shape).astype(np.float32)
WITH_NAN = np.where(np.arange(40)[:, None] == 3, np.float32("nan"), X)
PLANTED = {  # A, B, exit code, verdict
    "equal": (X, X, 0, "equal to the bit"),
    "near": (X, X + 3e-5 * NOISE, 0, "equal within 1e-4"),
    "float16": (X, X.astype(np.float16), 0, "B is float16 of the same"),
    "one axis more": (X, X[:, None], 0, "equal to the bit"),
    "scale": (X, 0.5 * X, 1, "the same up to scale: B = 0.5 A; equal"),
    "L2": (X, unit(X), 1, "B is L2-normalized; equal"),
    "ReLU": (X - 1, np.maximum(X - 1, 0), 1, "B is A after ReLU; equal to the bit"),
    "shift": (X[2:], X[:-2], 1, "A is B shifted by 2 rows: A's row 0 is B's row 2; equal to the bit"),
    "every second": (X[::2], X, 1, "A is every second row of B, from row 0; equal to the bit"),
    "every fifth": (X, X[3::5], 1, "B is every 5th row of A, from row 3; equal to the bit"),
    "a row more": (X[:2], X[:3], 1, "only the rows that both have; equal to the bit"),
    "every eighth of many": (LONG, LONG[2::8], 1, "B is every 8th row of A, from row 2; equal to the bit"),
    "mean": (X, X.mean(0), 1, "B is the mean over A's rows; equal"),
    "pairs": (X, X.reshape(20, 2, 32).mean(1), 1, "B is means of 2 each of A's rows; equal"),
    "threes of few": (X[:11], X[:9].reshape(3, 3, 32).mean(1), 1, "B is means of 3 each of A's rows; equal"),
    "overlapping": (
        X, np.stack([X[i : i + 16].mean(0) for i in range(0, 25, 4)]), 1,
        "B is means of 16 each, 4 rows apart, of A's rows; equal",
    ),
    "segments": (
        X, np.stack([X[s:e].mean(0) for s, e in itertools.pairwise(SEGMENTS)]), 1,
        "B is the means of 16 equal segments of A's rows; equal",
    ),
    "resized": (X, stretched(X, 100), 1, "B is interpolated to 100 rows, ends on ends, from A's rows; equal"),
    "transposed": (X, X.T.copy(), 1, "B is transposed, [D, T]; equal to the bit"),
    "swapped": (X, np.roll(X, 16, 1), 1, "the halves of the columns are swapped (flow before rgb?); equal to the bit"),
    "half": (X, X[:, 16:], 1, "B is the second half of A's columns; equal to the bit"),
    "mean over crops": (CROPS, CROPS.mean(1), 1, "B is the mean over A's 10 crops; equal"),
    "one crop": (CROPS[:, 4], CROPS, 1, "A holds B's crop 4; equal to the bit"),
    "one of unlike crops": (
        APART, APART[3::5, 7], 1, "B holds A's crop 7; B is every 5th row of A, from row 3; equal to the bit"
    ),
    "crops first": (CROPS, CROPS.swapaxes(0, 1), 1, "B has its crops first, [crops, T, D]; equal to the bit"),
    "both crops first": (FIRST, FIRST * (1 + 3e-5), 0, "equal within 1e-4"),
    "two crops": (CROPS, CROPS[:, [4, 0]], 1, "B's crops are A's crops 4, 0; equal to the bit"),
    "all at once": (
        CROPS, unit(CROPS.mean(1)[3:]), 1,
        "B is the mean over A's 10 crops; B is A shifted by 3 rows: B's row 0 is A's row 3; B is L2-normalized; equal",
    ),
    "NaN": (WITH_NAN, X, 1, "equal to the bit; rows of A with NaN or infinity are left out (1)"),
    "noise": (X, X + 0.2 * NOISE, 1, "similar, not equal (cosine 0.9"),
    "scale and noise": (X, 0.5 * X + 0.01 * NOISE, 1, "the same up to scale: B = 0.4998 A; then 0.015 apart"),
    "alike": (X + 9, OTHER + 9, 1, "alike, not equal (cosine 0.99"),
    "unrelated": (X, OTHER, 1, "unrelated"),
    "columns": (X, OTHER[:, :20], 1, "not comparable: [40, 32] and [40, 20]"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_found(name):
    a, b, code, verdict = PLANTED[name]
    found = relate(a, b, Saved({}), Saved({}), 1e-3)
    assert found.verdict.startswith(verdict), found
    assert found.is_equal(1e-3) == (code == 0)
    if found.kind == "equal":
        assert found.distance < 1e-3 and (found.cosine_worst or 0) > 0.9999
    if a.shape == b.shape and name != "NaN":
        assert found.error == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(b), rel=1e-3, abs=1e-6)


def test_keys_that_both_have_are_compared_else_the_two_that_fit_best():
    both = {"rgb": X, "flow": OTHER}
    found = best_relation(Saved(both), Saved({"rgb": X, "other": X}), 1e-3)
    assert [(key, relation.kind) for key, _, relation in found] == [("rgb", "equal")]
    ((key, shapes, relation),) = best_relation(Saved(both), Saved({"features": np.concatenate([X, OTHER], 1)}), 1e-3)
    assert (key, shapes, relation.kind) == ("rgb+flow/features", ((40, 64), (40, 64)), "equal")
