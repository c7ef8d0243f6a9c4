import numpy as np
import pytest

from utils.sinks import npz
from utils.sinks.record import Record
from utils.sources.ref import VideoRef
from utils.storage.local import LocalFolder


@pytest.mark.parametrize("keys", [["tiny"], ["rgb", "flow"]])
def test_features_and_times_are_read_back(tmp_path, keys):
    folder, times = LocalFolder(tmp_path), np.array([0.0, 0.5])
    arrays = {key: np.full((2, 3), i, np.float32) for i, key in enumerate(keys)}
    record = Record(VideoRef("1", "a", "a.mp4"), arrays, keys, {"clip_length": 16.0}, times, times + 0.5, "tiny")
    (output,) = npz.NpzSink(folder).write(record)
    with np.load(tmp_path / "a.npz") as file:
        assert ("features" in file) == (keys == ["tiny"])
        assert file["clip_length"] == 16
    read = npz.read(folder, output)
    assert read.keys() == {*keys, "start_s", "end_s"}
    assert all(np.array_equal(read[key], arrays[key]) for key in keys)
    assert npz.is_whole(folder, output)
