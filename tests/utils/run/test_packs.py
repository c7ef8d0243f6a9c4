"""Saved features of other programs and of this one, by video."""

import h5py
import numpy as np
import pytest
from support.sinks import line, make_sink, record

from utils.errors import UserError, VideoError
from utils.run.packs import ForeignPack, OwnPack, Saved, pack_at
from utils.state.manifest import Manifest
from utils.storage.folder import folder_at

ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_arrays_are_features_or_times():
    saved = Saved.of({"rgb": ROWS, "fps": np.array([25.0]), "clip_length": np.array(2.0), "start_s": np.arange(3) / 2,
                      "end_s": np.arange(3) / 2 + 1})  # fmt: skip
    assert list(saved.features) == ["rgb"]
    assert (saved.fps, saved.hop_frames) == (25, 12.5)
    assert saved.middle_s is not None and saved.middle_s.tolist() == [0.5, 1.0, 1.5]
    assert Saved.of({"rgb": ROWS}, 30).fps == 30 and Saved.of({"rgb": ROWS}).hop_frames is None


def test_files_of_keys_and_crops_make_one_video(tmp_path):
    for name in ("x/clip_rgb__0", "x/clip_rgb__1", "flow/x/clip", ".hidden", "x/other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / f"{name}.npy", ROWS + int(name[-1:] == "1"))
    pack = pack_at(str(tmp_path), None, set())
    assert sorted(pack.names) == ["x/clip", "x/other"]
    features = pack.read("x/clip").features
    np.testing.assert_array_equal(features["rgb"], np.stack([ROWS, ROWS + 1], axis=1))
    np.testing.assert_array_equal(features["flow"], ROWS)
    assert list(pack.read("x/other").features) == ["features"]
    np.save(tmp_path / "x/clip_rgb__1.npy", ROWS[:2])
    with pytest.raises(VideoError, match=r"its crops have different shapes: \[3, 4\], \[2, 4\]"):
        pack.read("x/clip")


@pytest.mark.parametrize(
    ("arrays", "names"),
    [
        ({"a": ROWS, "b": ROWS}, ["a", "b"]),
        ({"a/rgb": ROWS, "a/flow": ROWS}, ["a"]),
        ({"a/c3d": ROWS, "b/c3d": ROWS}, ["a", "b"]),
        ({"x/a": ROWS, "x/b": ROWS}, ["x/a", "x/b"]),
        ({"rgb": ROWS, "flow": ROWS}, ["all"]),
    ],
)
def test_one_file_holds_many_videos_or_one(tmp_path, arrays, names):
    with h5py.File(tmp_path / "all.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    pack = pack_at(str(tmp_path / "all.h5"), None, set())
    assert isinstance(pack, ForeignPack) and list(pack.names) == names
    np.testing.assert_array_equal(next(iter(pack.read(names[0]).features.values())), ROWS)


def test_of_several_types_one_is_chosen(tmp_path):
    for kind in ("i3d", "clip"):
        folder = folder_at(str(tmp_path / kind))
        folder.prepare()
        Manifest(folder).append(line(record(), make_sink("save_numpy", folder).write(record()), kind))
    with pytest.raises(UserError, match="has features of clip and i3d: choose one by --feature_type"):
        pack_at(str(tmp_path), None, set())
    pack = pack_at(str(tmp_path), "i3d", set())
    assert isinstance(pack, OwnPack) and pack.feature_type == "i3d" and list(pack.names) == ["a/clip"]
    saved = pack.read("a/clip")
    np.testing.assert_array_equal(saved.features["rgb"], record().arrays["rgb"])
    assert saved.fps == 25 and pack.line("a/clip").source.path == "videos/clip.mp4"


def test_a_place_without_features_is_refused(tmp_path):
    for place, words in ((tmp_path / "no", "no such folder"), (tmp_path, "neither a manifest nor a file of .npy")):
        with pytest.raises(UserError, match=words):
            pack_at(str(place), None, set())
    folder = folder_at(str(tmp_path / "clip"))
    folder.prepare()
    Manifest(folder).append(line(record(), [], "clip"))
    with pytest.raises(UserError, match="clip: no video there has features"):
        pack_at(str(tmp_path), None, set())
