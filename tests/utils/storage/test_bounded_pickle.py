import io
import pickle
from collections import OrderedDict

import pytest

from utils.storage.bounded_pickle import BoundedUnpickler, encoded, ordered_dict


def load(data: bytes, most_steps: int = 10_000) -> object:
    return BoundedUnpickler(io.BytesIO(data), most_steps=most_steps).load()


@pytest.mark.parametrize("protocol", range(6))
def test_plain_objects_are_read_as_python_does(protocol):
    thing = {"a": [1, 2.5, None, "x" * 300], ("b", 1): {3, 4}, "c": bytearray(b"12"), "d": OrderedDict(e=1)}
    assert load(pickle.dumps(thing, protocol)) == thing


def test_what_takes_long_is_refused():
    with pytest.raises(pickle.UnpicklingError, match="more than 100 steps"):
        load(pickle.dumps([[] for _ in range(200)]), most_steps=100)
    with pytest.raises(pickle.UnpicklingError, match="nested tuples as keys"):
        load(pickle.dumps({((1, 2), 3): 1}))
    with pytest.raises(pickle.UnpicklingError, match="steps"):
        load(pickle.dumps({1 << (1 << 20): 1}), most_steps=200)


def test_what_stands_in_for_functions_that_pickles_call():
    assert encoded("é", "latin1") == b"\xe9"
    assert ordered_dict([("a", 1)]) == OrderedDict(a=1)
    with pytest.raises(ValueError, match="which pickles do not have"):
        encoded("a", "utf-7")
    with pytest.raises(ValueError, match="keys that are not text"):
        ordered_dict([(1, 1)])
