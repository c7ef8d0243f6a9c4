import io
import pickle
import time

import numpy as np
import pytest

from utils.storage.array_pickle import load_arrays

ARRAYS = {
    "rows": np.arange(6.0).reshape(2, 3),
    "columns": np.asfortranarray(np.ones((2, 3), np.int16)),
    "scalars": [np.float32(3), np.bool_(True)],
    "empty": np.empty((0, 3), np.float32),
    "text": "é",
}


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_of_all_protocols(protocol: int) -> None:
    read = load_arrays(io.BytesIO(pickle.dumps(ARRAYS, protocol)))
    assert list(read) == list(ARRAYS) and read["text"] == "é"
    for key in ("rows", "columns", "empty"):
        assert read[key].dtype == ARRAYS[key].dtype
        np.testing.assert_array_equal(read[key], ARRAYS[key])
    assert read["scalars"] == ARRAYS["scalars"]


SHARED = b")" + b"2\x86" * 60  # a tuple with 2^60 paths
COUNT = 300_000
LONG = b"(" + b"K\x01" * COUNT + b"tq\x020"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x04\x8f(" + SHARED + b"\x90.", "nested tuples"),
        (b"\x80\x04(" + SHARED + b"\x91.", "nested tuples"),
        (b"\x80\x02(" + SHARED + b"Nd.", "nested tuples"),
        (b"\x80\x02" + LONG + b"}q\x030" + b"h\x03h\x02Ns0" * COUNT + b".", "more than 1000000 steps"),
        (b"\x80\x02c_codecs\nencode\nU\x02aaU\x0eunicode_escape\x86R.", "in the encoding 'unicode_escape'"),
        (b"\x80\x02cnumpy\ndtype\nU\x01O\x85R.", "something other than numbers"),
        (b"\x80\x02cnumpy\ndtype\n](U\x01aU\x02f4\x86e\x85R.", "something other than numbers"),
        (b"\x80\x02ccollections\nOrderedDict\n](" + SHARED + b"K\x01\x86e\x85R.", "keys that are not text"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n" + LONG + b"0" + b"h\x02R0." * 9, "not a pickle of arrays"),
        (b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b"ab.", "not a pickle of arrays"),
        (b"\x80\x05\x8e" + (1 << 62).to_bytes(8, "little") + b"ab.", "not a pickle of arrays"),
        (b"\x80\x02" + b"(" * 2_000_000, "more than 1000000 steps"),
        (b"\x80\x02]" + b"2" * 2_000_000, "more than 1000000 steps"),
        (b"\x80\x02J\x01", "not a pickle of arrays"),
        (b"\x80\x02cos\nsystem\nU\x01x\x85R.", "it asks for os.system"),
    ],
)  # fmt: skip
def test_pickles_are_refused_in_bounded_time(data: bytes, words: str) -> None:
    start_s = time.process_time()  # what else the machine does is no matter
    with pytest.raises(ValueError, match=words):
        load_arrays(io.BytesIO(data), most_steps=1_000_000)
    assert time.process_time() - start_s < 20


def test_a_memo_takes_no_more_memory_than_it_holds() -> None:
    assert load_arrays(io.BytesIO(b"\x80\x02]r\xff\xff\xff\x7f.")) == []
