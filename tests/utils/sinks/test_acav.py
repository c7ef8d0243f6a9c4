"""The result files of ACAV100M: their layout in both wordings, and what is kept when they are written again."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from support.golden import case
from support.sinks import is_readable, line, make_sink, read_outputs, staged_lines

from utils.sinks.acav import acav_names, merge_shards
from utils.sinks.readback import OutputReader
from utils.sinks.record import Record
from utils.sources.ref import VideoRef
from utils.storage.folder import LocalFolder

SIZES = {"slowfast": (88, 352, 704, 1408, 2304), "vggish": (64, 128, 256, 512, 128)}
ACAV_NAMES = {name: acav_names(name) for name in SIZES}
NAMES = ("aaaaaaaaaaa_0", "monomonomon_0")
FILE = "shard-000000.pkl"


def clip(stem, feature_type, offset=0, windows=(1,), meta=True, member=None):
    """Return a clip of a tar with the layers of one network; those of slowfast have a row per window."""
    rng = np.random.default_rng(offset)
    lead = windows if feature_type == "slowfast" else ()
    arrays = {f"layer_{i}": rng.random((*lead, n), np.float32) for i, n in enumerate(SIZES[feature_type])}
    about = {"filename": f"{stem}.mp4", "id": stem[:11], "segment": [offset, offset + 10]} if meta else {}
    member = member or f"{stem}.mp4"
    ref = VideoRef(
        f"shard-000000.tar/{member}",
        f"shard-000000/{stem}",
        "shard-000000.tar",
        member=member,
        offset=offset,
        size=9,
        meta=about,
    )
    return Record(ref, arrays, list(arrays))


def merged(root, typed, keys="readme", **options):
    """Merge clips by feature type, and return the rows and the new lines."""
    lines = {
        name: (root.below(name), staged_lines("save_shards", root.below(name), clips)) for name, clips in typed.items()
    }
    new = merge_shards(root, "shard-000000", lines, ACAV_NAMES, keys, **options)
    return pickle.loads((root.local / FILE).read_bytes()), new


def skeleton(value):
    if isinstance(value, np.ndarray):
        return [str(value.dtype), *value.shape]
    if isinstance(value, dict):
        return {key: skeleton(inner) for key, inner in value.items()}
    return [skeleton(inner) for inner in value] if isinstance(value, list) else value


def test_the_code_keys_are_those_that_acav100m_writes(tmp_path):
    _, meta = case("slowfast_e2e", "case_acav_shard")
    typed = {name: [clip(stem, name, i) for i, stem in enumerate(NAMES)] for name in SIZES}
    rows, _ = merged(LocalFolder(tmp_path), typed, "code")
    assert json.dumps(skeleton(rows)) == json.dumps(meta["output_skeleton"]["value"])  # the order of keys too


def test_the_readme_keys_are_those_that_its_readme_promises(tmp_path):
    typed = {name: [clip(NAMES[0], name)] for name in SIZES}
    (row,), _ = merged(LocalFolder(tmp_path), typed)
    assert list(row) == ["filename", "id", "segment", "visual_features", "audio_features"]
    assert (row["filename"], row["id"], row["segment"]) == ("aaaaaaaaaaa_0.mp4", "aaaaaaaaaaa", [0, 10])
    (visual,), (audio,) = row["visual_features"], row["audio_features"]
    assert list(visual) == ["extractor_name", "dataset", "feat_array"]
    assert (visual["extractor_name"], visual["dataset"]) == ("SLOWFAST_8x8_R50", "kinetics-400")
    assert (audio["extractor_name"], audio["dataset"]) == ("VGGish", "YouTube-8M")
    np.testing.assert_array_equal(
        visual["feat_array"]["layer_4"], typed["slowfast"][0].arrays["layer_4"][0], strict=True
    )
    np.testing.assert_array_equal(audio["feat_array"]["layer_0"], typed["vggish"][0].arrays["layer_0"], strict=True)


def test_rows_follow_the_tar_and_keep_clips_without_sound(tmp_path):
    slow = [clip(stem, "slowfast", offset) for stem, offset in (("c", 30), ("a", 10), ("b", 20))]
    rows, _ = merged(LocalFolder(tmp_path), {"vggish": [clip("b", "vggish", 20)], "slowfast": slow})
    assert [row["filename"] for row in rows] == ["a.mp4", "b.mp4", "c.mp4"]
    assert [len(row["audio_features"]) for row in rows] == [0, 1, 0]


def test_clips_without_metadata_are_named_by_the_tar(tmp_path):
    (row,), _ = merged(
        LocalFolder(tmp_path),
        {"slowfast": [clip("abcdefghijk_12", "slowfast", meta=False, member="./x/abcdefghijk_12.mp4")]},
    )
    assert (row["filename"], row["id"], row["segment"]) == ("abcdefghijk_12.mp4", "abcdefghijk", None)


@pytest.mark.parametrize("keys", ["readme", "code"])
def test_clips_of_one_name_in_two_folders_stay_apart(tmp_path, keys):
    clips = [clip("c", "slowfast", i, meta=False, member=f"{folder}/c.mp4") for i, folder in enumerate("xyz")]
    root = LocalFolder(tmp_path)
    rows, new = merged(root, {"slowfast": clips}, keys)
    assert [row["filename"].removesuffix(".mp4") for row in rows] == ["c", "y/c", "z/c"]
    for record, one in zip(clips, new["slowfast"], strict=True):
        arrays = read_outputs(root.below("slowfast"), one.outputs, root)
        np.testing.assert_array_equal(arrays["layer_0"], record.arrays["layer_0"][0])


def test_several_windows_are_averaged_and_a_single_output_is_bare(tmp_path):
    values = np.array([[1, 2], [3, 6]], np.float32)
    ref = VideoRef("c", "c", "s.tar", member="c.mp4")
    root = LocalFolder(tmp_path)
    lines = staged_lines("save_shards", root.below("slowfast"), [Record(ref, {"slowfast": values}, ["slowfast"])])
    new = merge_shards(root, "s", {"slowfast": (root.below("slowfast"), lines)}, ACAV_NAMES)
    (row,) = pickle.loads((tmp_path / "s.pkl").read_bytes())
    np.testing.assert_array_equal(row["visual_features"][0]["feat_array"], np.array([2, 4], np.float32), strict=True)
    arrays = read_outputs(root.below("slowfast"), new["slowfast"][0].outputs, root)
    np.testing.assert_array_equal(arrays["slowfast"], [2, 4])


@pytest.mark.parametrize("keys", ["readme", "code"])
def test_an_earlier_file_keeps_its_rows(tmp_path, keys):
    root = LocalFolder(tmp_path)
    _, first = merged(root, {"slowfast": [clip("a", "slowfast", 1), clip("b", "slowfast", 2)]}, keys)
    later = {
        "slowfast": [clip("b", "slowfast", 2, windows=(2,)), clip("c", "slowfast", 3)],
        "vggish": [clip("a", "vggish", 1)],
    }
    rows, second = merged(root, later, keys, n_clips=7)
    assert [row["filename"].removesuffix(".mp4") for row in rows] == ["a", "b", "c"]
    assert [len(row["audio_features"]) for row in rows] == [1, 0, 0]
    if keys == "code":
        assert rows[0]["shard_size"] == 7
    outputs = OutputReader(root.below("slowfast"), root)
    b = outputs.read(first["slowfast"][1].outputs)
    np.testing.assert_allclose(b["layer_0"], later["slowfast"][0].arrays["layer_0"].mean(0), rtol=1e-6)
    assert all(outputs.is_readable(one.outputs) for one in (*first["slowfast"], *second["slowfast"]))
    assert OutputReader(root.below("vggish"), root).is_readable(second["vggish"][0].outputs)


@pytest.mark.parametrize("keys", ["readme", "code"])
def test_the_bytes_are_the_same_whether_clips_are_merged_together_or_one_later(tmp_path, keys):
    clips = [clip("a", "slowfast", 1), clip("b", "slowfast", 2)]
    together, apart = LocalFolder(tmp_path / "together"), LocalFolder(tmp_path / "apart")
    merged(together, {"slowfast": clips}, keys)
    for one in clips:
        merged(apart, {"slowfast": [one]}, keys, n_clips=2)
    assert (tmp_path / "apart" / FILE).read_bytes() == (tmp_path / "together" / FILE).read_bytes()


def test_clips_that_are_merged_already_keep_their_names_and_places(tmp_path):
    root = LocalFolder(tmp_path)
    _, first = merged(root, {"slowfast": [clip("c", "slowfast", 20, meta=False, member="x/c.mp4")]})
    other = clip("c", "slowfast", 10, meta=False, member="y/c.mp4")
    lines = first["slowfast"] + staged_lines("save_shards", root.below("slowfast"), [other])
    new = merge_shards(root, "shard-000000", {"slowfast": (root.below("slowfast"), lines)}, ACAV_NAMES)
    assert [one.id for one in new["slowfast"]] == [other.ref.id]
    rows = pickle.loads((tmp_path / FILE).read_bytes())
    assert [row["filename"] for row in rows] == ["y/c.mp4", "c.mp4"]


def test_damaged_files_and_missing_rows_are_found(tmp_path, caplog):
    root = LocalFolder(tmp_path)
    _, first = merged(root, {"slowfast": [clip("a", "slowfast", 1)]})
    (one,) = first["slowfast"][0].outputs
    folder = root.below("slowfast")
    assert is_readable(folder, [one], root)
    assert not is_readable(folder, [replace(one, place="other")], root)
    assert not is_readable(folder, [replace(one, network=("audio", "VGGish", "YouTube-8M"))], root)
    (tmp_path / "shard-000000.pkl").write_bytes(b"\x80\x04")
    assert not is_readable(folder, [one], root)
    rows, _ = merged(root, {"slowfast": [clip("b", "slowfast", 1)]})
    assert [row["filename"] for row in rows] == ["b.mp4"]
    assert "shard-000000.pkl is damaged" in caplog.text


def test_nothing_is_written_where_nothing_waits(tmp_path):
    root = LocalFolder(tmp_path)
    assert merge_shards(root, "s", {"slowfast": (root, [])}, ACAV_NAMES) == {"slowfast": []}
    lost = line(clip("a", "slowfast"), make_sink("save_shards", root).write(clip("a", "slowfast")))
    root.remove(lost.outputs[0].file)
    assert merge_shards(root, "s", {"slowfast": (root, [lost])}, ACAV_NAMES) == {"slowfast": []}
    assert not (tmp_path / "s.pkl").exists()
