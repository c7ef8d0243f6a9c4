"""--out: one file for the whole list, in its order."""

import json
import pickle

import numpy as np
import pytest
import yaml
from support.golden import GOLDEN
from support.sinks import MERGED, merge, record, staged_lines

from utils.errors import RunError, UserError
from utils.sinks.list_file import check_suffix, write_list
from utils.sources.ref import VideoRef
from utils.storage.folder import LocalFolder, folder_at

LOAD = {".pkl": pickle.loads, ".json": json.loads, ".yaml": yaml.safe_load}
OF_MMACTION = json.loads((GOLDEN / "clip_level" / "outputs.json").read_text())["mmaction2_0x_clip_feature_extraction"]
REFS = [VideoRef(name, f"out/{name}", name) for name in ("z", "b", "a", "b")]


def latest(kind, folder, **options):
    """Return the manifest lines of the videos a and b, merged in this order where the format asks for it."""
    clips = [record(f"out/{name}", name, seed=seed, **options) for seed, name in enumerate("ab")]
    lines = staged_lines(kind, folder, clips)
    if kind in MERGED:
        lines = merge(kind, folder, lines, set())
    return {clip.ref.id: clip.arrays for clip in clips}, {line.id: line for line in lines}


@pytest.mark.parametrize("kind", ["save_numpy", "save_npz", "save_h5", "save_parquet", "save_webdataset"])
@pytest.mark.parametrize("suffix", LOAD)
def test_one_file_holds_the_whole_list_in_its_order(tmp_path, suffix, kind):
    folder = LocalFolder(tmp_path / "out")
    arrays, lines = latest(kind, folder)
    path = tmp_path / f"all{suffix}"
    write_list(str(path), folder, iter(REFS), lines)
    entries = LOAD[suffix](path.read_bytes())
    assert entries[0] is None
    for entry, name in zip(entries[1:], "bab", strict=True):
        np.testing.assert_array_equal(np.asarray(entry, np.float32), arrays[name]["rgb"], strict=True)
        assert suffix != ".pkl" or entry.dtype == np.float32
    assert {found.name for found in tmp_path.iterdir()} == {"out", path.name}


@pytest.mark.parametrize("suffix", OF_MMACTION["suffixes"])
def test_the_file_is_that_of_mmaction2(tmp_path, suffix):
    """Each suffix that its tool offers, float32 arrays in a list, pickles of the protocol that mmcv writes."""
    folder = LocalFolder(tmp_path / "out")
    arrays, lines = latest("save_numpy", folder)
    write_list(str(tmp_path / f"all.{suffix}"), folder, REFS[1:], lines)
    data = (tmp_path / f"all.{suffix}").read_bytes()
    entries = LOAD[{"pickle": ".pkl", "yml": ".yaml"}.get(suffix, f".{suffix}")](data)
    for entry, name in zip(entries, "bab", strict=True):
        np.testing.assert_array_equal(np.asarray(entry, np.float32), arrays[name]["rgb"], strict=True)
    if suffix in ("pkl", "pickle"):
        assert OF_MMACTION["pkl"] == f"pickle protocol {data[1]} of that list"


@pytest.mark.parametrize("suffix", LOAD)
def test_several_outputs_make_a_dict(tmp_path, suffix):
    folder = LocalFolder(tmp_path / "out")
    arrays, lines = latest("save_npz", folder, keys=("rgb", "flow"))
    write_list(str(tmp_path / f"all{suffix}"), folder, REFS, lines)
    entries = LOAD[suffix]((tmp_path / f"all{suffix}").read_bytes())
    assert entries[1].keys() == {"rgb", "flow"}
    np.testing.assert_array_equal(np.asarray(entries[2]["flow"], np.float32), arrays["a"]["flow"])


def test_npz_files_name_arrays_after_the_videos(tmp_path):
    folder = LocalFolder(tmp_path / "out")
    arrays, lines = latest("save_numpy", folder)
    write_list(str(tmp_path / "all.npz"), folder, REFS, lines)
    with np.load(tmp_path / "all.npz") as file:
        assert set(file) == {"out/a", "out/b"}
        np.testing.assert_array_equal(file["out/b"], arrays["b"]["rgb"], strict=True)
    _, lines = latest("save_numpy", folder, keys=("rgb", "flow"))
    write_list(str(tmp_path / "all.npz"), folder, REFS, lines)
    with np.load(tmp_path / "all.npz") as file:
        assert set(file) == {"out/a/rgb", "out/a/flow", "out/b/rgb", "out/b/flow"}


@pytest.mark.parametrize(("suffix", "content"), [(".pkl", []), (".json", []), (".yaml", [])])
def test_an_empty_list_is_a_file_too(tmp_path, suffix, content):
    write_list(str(tmp_path / f"all{suffix}"), LocalFolder(tmp_path), [], {})
    assert LOAD[suffix]((tmp_path / f"all{suffix}").read_bytes()) == content


def test_the_file_may_lie_at_an_address():
    folder = folder_at("memory://collected")
    arrays, lines = latest("save_parquet", folder)
    write_list("memory://lists/all.pkl", folder, REFS, lines)
    with folder_at("memory://lists").open("all.pkl") as file:
        np.testing.assert_array_equal(pickle.load(file)[2], arrays["a"]["rgb"])


def test_a_lost_output_is_reported(tmp_path):
    folder = LocalFolder(tmp_path / "out")
    _, lines = latest("save_h5", folder)
    (tmp_path / "out/features.h5").unlink()
    with pytest.raises(RunError, match=r"features.h5: cannot be read"):
        write_list(str(tmp_path / "all.pkl"), folder, REFS, lines)
    assert not (tmp_path / "all.pkl").exists()


def test_other_suffixes_are_refused():
    with pytest.raises(UserError, match=r"all.csv: must end in .pkl"):
        check_suffix("all.csv")
    check_suffix("s3://bucket/all.pkl")
