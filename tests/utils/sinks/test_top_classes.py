"""The file of the best classes of a video's windows: written, read back, damaged, hostile."""

from pathlib import Path

import numpy as np
import pytest

from utils.errors import RunError
from utils.sinks.top_classes import TopClasses, read
from utils.storage.folder import LocalFolder


def test_what_is_read_is_what_was_predicted(tmp_path: Path) -> None:
    top = TopClasses()
    top.add(1, (2.0, 3.0), "rgb", [("a door", 0.75, 2.0), ("a <b>", 0.25, 1.0)])  # rows may come in any order
    top.add(0, (0.0, 1.0), "rgb", [("a <b>", 1.0, 9.0), ("a door", 0.0, -9.0)])
    file = top.write(LocalFolder(tmp_path), "folder/clip")
    assert file == "top_classes/folder/clip.npz"
    start_s, end_s, found = read(LocalFolder(tmp_path), file)
    assert (start_s.tolist(), end_s.tolist(), list(found)) == ([0, 2], [1, 3], ["rgb"])
    names = [[found["rgb"].names[i] for i in row] for row in found["rgb"].best]
    assert names == [["a <b>", "a door"], ["a door", "a <b>"]]
    np.testing.assert_array_equal(found["rgb"].probabilities, np.array([[1, 0], [0.75, 0.25]], np.float32))
    with np.load(tmp_path / file, allow_pickle=False) as arrays:
        assert arrays["rgb/logit"].tolist() == [[9, -9], [2, 1]]


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"rgb/class": np.array([[7, 0]], np.int32)}, "without a name"),
        ({"rgb/class": np.array([[0, -1]], np.int32)}, "without a name"),
        ({"rgb/class": np.zeros((2, 2), np.int32)}, "other shapes"),
        ({"rgb/probability": np.array([["x", "y"]])}, "other shapes"),
        ({"start_s": np.zeros(3)}, "other shapes"),
        ({"names": np.array([None, "x"], object)}, "pickle"),
    ],
)
def test_damaged_and_hostile_files(tmp_path: Path, wrong: dict[str, np.ndarray], cause: str) -> None:
    top = TopClasses()
    top.add(0, (0.0, 1.0), "rgb", [("a", 0.9, 2.0), ("b", 0.1, 1.0)])
    file = top.write(LocalFolder(tmp_path), "clip")
    with np.load(tmp_path / file) as arrays:
        whole = dict(arrays)
    np.savez(tmp_path / file, **(whole | wrong))  # pyright: ignore[reportArgumentType]
    with pytest.raises(RunError, match=cause):
        read(LocalFolder(tmp_path), file)


@pytest.mark.parametrize("file", ["other/clip.npz", "top_classes/../../clip.npz", "top_classes/gone.npz", ""])
def test_no_other_file_is_read(tmp_path: Path, file: str) -> None:
    np.savez(tmp_path.parent / "clip.npz", names=np.array(["a"]))
    with pytest.raises(RunError, match="cannot be read"):
        read(LocalFolder(tmp_path / "out"), file)
