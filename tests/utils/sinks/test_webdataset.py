"""WebDataset tars, read with the webdataset library: a sample per video."""

import tarfile

import numpy as np
from support.sinks import merged, record, samples, videos

from utils.storage.folder import LocalFolder


def test_webdataset_reads_its_samples(tmp_path):
    clips = videos(meta={"split": "train"})
    merged("save_webdataset", LocalFolder(tmp_path), clips)
    found = samples(tmp_path / "features-000000.tar")
    assert [sample["__key__"] for sample in found] == ["a/clip0", "a/clip1", "a/clip2"]
    for clip, sample in zip(clips, found, strict=True):
        np.testing.assert_array_equal(sample["rgb.npy"], clip.arrays["rgb"], strict=True)
        np.testing.assert_array_equal(sample["end_s.npy"], clip.end_s)
        assert (sample["json"]["id"], sample["json"]["meta"]) == (clip.ref.id, {"split": "train"})
        assert (sample["json"]["features"], sample["json"]["facts"]) == (["rgb"], {"clip_length": 2})


def test_webdataset_keeps_names_with_dots_apart(tmp_path):
    names = [
        "a.b",
        "a_b",
        "a.c",
        ".hidden",
        "__meta__/x",
        "v1.0/clip",
        "c.d.e",
        "C.d.e",
        "new\nline/x",
        "../x",
        "a/./x",
    ]
    clips = [record(name, seed=seed) for seed, name in enumerate(names)]
    merged("save_webdataset", LocalFolder(tmp_path), clips)
    found = {sample["json"]["name"]: sample for sample in samples(tmp_path / "features-000000.tar")}
    assert list(found) == names
    for clip in clips:
        np.testing.assert_array_equal(found[clip.ref.name]["rgb.npy"], clip.arrays["rgb"])
    with tarfile.open(tmp_path / "features-000000.tar") as tar:
        assert not [name for name in tar.getnames() if ".." in name.split("/") or name.startswith("/")]


def test_equal_features_make_equal_tars(tmp_path):
    for name in ("one", "two"):
        merged("save_webdataset", LocalFolder(tmp_path / name), videos())
    assert (tmp_path / "one/features-000000.tar").read_bytes() == (tmp_path / "two/features-000000.tar").read_bytes()
