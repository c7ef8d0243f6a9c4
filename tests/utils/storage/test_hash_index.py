"""The index against a dict, and the memory that it takes."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utils.storage import hash_index
from utils.storage.hash_index import HashIndex

INT64 = st.integers(-(2**63), 2**63 - 1)
KEYS = st.integers(-3, 3) | st.sampled_from([-(2**63), 2**63 - 1]) | INT64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(st.tuples(KEYS, INT64)), recent=st.sampled_from([1, 2, 5]), asked=st.lists(KEYS))
def test_same_as_a_dict(
    entries: list[tuple[int, int]], recent: int, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hash_index, "RECENT", recent)
    index, expected = HashIndex(), {}
    for number, (key, value) in enumerate(entries):
        index.put(key, value)
        expected[key] = value
        if number % 7 == 3:
            assert len(index) == len(expected)
    assert [index.get(key) for key in [*expected, *asked]] == [expected.get(key) for key in [*expected, *asked]]
    assert index.sorted_values().tolist() == sorted(expected.values())
    assert len(index) == len(expected)
    assert [index.get(key) for key in expected] == list(expected.values())


def test_memory_of_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_index, "RECENT", 1000)
    n_entries = 200_000
    keys = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, n_entries).tolist()
    tracemalloc.start()
    index = HashIndex()
    for number, key in enumerate(keys):
        index.put(key, number)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 20 * n_entries
    assert index.get(keys[77]) == 77
