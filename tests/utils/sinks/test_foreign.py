"""Files of other programs: read without running them, and refused in one line where they are hostile or damaged."""

import io
import os
import pickle
import zipfile

import h5py
import numpy as np
import pytest
import torch

from utils.errors import VideoError
from utils.sinks.foreign import arrays_in, suffix_of
from utils.storage.folder import folder_at

X = np.arange(6, dtype=np.float32).reshape(2, 3)


class Hostile:
    """Creates a file where a pickle of it is run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def header(shape, dtype="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def read(path):
    return {name: load() for name, load in arrays_in(folder_at(str(path.parent)), path.name).items()}


def test_arrays_come_with_their_paths(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.savez_compressed(tmp_path / "a.npz", rgb=X, flow=X)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"v": {"rgb": X}, "n": 3, "list": [X]}))
    torch.save({"v": torch.from_numpy(X).bfloat16(), "epoch": 3}, tmp_path / "a.pt")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/v"] = X
    for suffix, names in (
        ("npy", [""]), ("npz", ["rgb", "flow"]), ("pkl", ["v/rgb", "list/0"]), ("pt", ["v"]), ("h5", ["group/v"])
    ):  # fmt: skip
        found = read(tmp_path / f"a.{suffix}")
        assert list(found) == names
        assert all(np.array_equal(array, X) for array in found.values())
    assert suffix_of("a.NPY") == ".npy" and suffix_of("a.mp4") == ""


def test_hostile_files_run_nothing_and_take_no_memory(tmp_path):
    ran = str(tmp_path / "ran")
    (tmp_path / "run.pkl").write_bytes(pickle.dumps(Hostile(ran)))
    torch.save({"v": Hostile(ran)}, tmp_path / "run.pt")
    np.save(tmp_path / "run.npy", np.array([Hostile(ran)], dtype=object), allow_pickle=True)
    (tmp_path / "huge.npy").write_bytes(header((10**12, 10**6)))
    (tmp_path / "text.npy").write_bytes(header((1,), "<U4") + bytes(16))
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("x.npy", header((10**12, 10**6)))
    wide = torch.zeros(1).expand(2**20, 2**20)
    torch.save({"v": wide}, tmp_path / "huge.pt")
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("v", (2**20, 2**20), "f4", chunks=(1, 1024))
        file.create_dataset("w", (4,), "f4", external=[("/etc/passwd", 0, 16)])
    for name, message in (
        ("run.pkl", "which is not data"),
        ("run.pt", "no arrays of numbers in it"),
        ("run.npy", "an array of objects, not of numbers"),
        ("huge.npy", r"an array of 4\d+ bytes, more than"),
        ("text.npy", "not of numbers"),
        ("huge.npz", r"an array of 4\d+ bytes, more than"),
        ("huge.pt", "a tensor of 1099511627776 numbers"),
        ("huge.h5", "an array of 4398046511104 bytes, more than"),
    ):
        with pytest.raises(VideoError, match=rf"{name}.*{message}") as error:
            read(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(VideoError, match="its numbers are in another file"):
        arrays_in(folder_at(str(tmp_path)), "huge.h5")["w"]()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", ["npy", "npz", "pkl", "pt", "h5"])
def test_damaged_files_are_refused(suffix, tmp_path):
    (tmp_path / f"a.{suffix}").write_bytes(b"PK\x03\x04 no features")
    with pytest.raises(VideoError, match=rf"a\.{suffix}: cannot be read \("):
        read(tmp_path / f"a.{suffix}")
