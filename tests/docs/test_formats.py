"""docs/formats.md: each of its examples runs on real outputs, and gives what it says."""

import re
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from support.program import ROOT
from support.sinks import MERGED, line, make_sink, merge, record, staged_lines

from utils.sinks.acav import acav_names, merge_shards
from utils.sinks.list_file import write_list
from utils.sinks.manifest_line import ManifestLine
from utils.state.manifest import Manifest
from utils.storage.folder import LocalFolder

PAGE = ROOT / "docs" / "formats.md"
SECTIONS = PAGE.read_text().split("\n## ")[1:]
EXAMPLES = {
    (section.splitlines()[0], i): textwrap.dedent(code)
    for section in SECTIONS
    for i, code in enumerate(re.findall(r"(?:^    .*\n)+", section, re.MULTILINE))
}
CLIP = record("clip", n_windows=2, keys=("rgb", "flow"))
INNER = record("folder/clip", n_windows=3, seed=1, keys=("rgb",))
SINGLE = replace(record("clip", n_windows=2, seed=2, keys=("vggish",)), feature_type="vggish")
LAYERS = record("aaaaaaaaaaa_0", n_windows=1, keys=("layer_0", "layer_1"))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """A folder with an output of each kind, as runs leave them."""
    root = tmp_path_factory.mktemp("page")
    folders = {name: LocalFolder(root / "output" / name) for name in ("i3d", "r21d", "vggish", "slowfast")}
    for kind in ("save_numpy", "save_pickle"):
        lines = [line(CLIP, make_sink(kind, folders["i3d"]).write(CLIP))]
    make_sink("save_npz", folders["vggish"]).write(SINGLE)
    for kind in ("save_h5", "save_webdataset"):
        merge(kind, folders["i3d"], staged_lines(kind, folders["i3d"], [CLIP, INNER]), set())
    merge("save_parquet", folders["r21d"], staged_lines("save_parquet", folders["r21d"], [INNER]), set())
    staged = {"slowfast": (folders["slowfast"], staged_lines("save_shards", folders["slowfast"], [LAYERS]))}
    merge_shards(LocalFolder(root / "output"), "shard-000000", staged, {"slowfast": acav_names("slowfast")})
    Manifest(folders["i3d"]).append(*lines, ManifestLine(id="x", status="failed", reason="no video stream"))
    Manifest(folders["r21d"]).append(ManifestLine(id="x", status="failed"))  # readers of tables meet it, too
    write_list(str(root / "all.pkl"), folders["i3d"], [CLIP.ref], {CLIP.ref.id: lines[0]})
    return root


def run(outputs, monkeypatch, title, number=0):
    """Return the variables of an example."""
    monkeypatch.chdir(outputs)
    found = {}
    (code,) = [code for (name, i), code in EXAMPLES.items() if title in name and i == number]
    exec(code, found)
    return found


@pytest.mark.parametrize("title", ["save_numpy", "save_pickle", "save_webdataset"])
def test_features_of_a_clip(outputs, monkeypatch, title):
    found = run(outputs, monkeypatch, title)
    features = found["features"]["clip"] if title == "save_webdataset" else found["features"]
    np.testing.assert_array_equal(features, CLIP.arrays["rgb"], strict=True)
    if title == "save_numpy":
        np.testing.assert_array_equal(found["end_ms"], CLIP.arrays["timestamps_ms"])


def test_features_of_a_model_with_one_output(outputs, monkeypatch):
    found = run(outputs, monkeypatch, "save_npz")
    np.testing.assert_array_equal(found["features"], SINGLE.arrays["vggish"])


def test_features_of_a_clip_in_a_folder(outputs, monkeypatch):
    np.testing.assert_array_equal(run(outputs, monkeypatch, "save_h5")["features"], INNER.arrays["rgb"])
    rows = run(outputs, monkeypatch, "save_parquet")["features"]
    np.testing.assert_array_equal(np.stack(rows), INNER.arrays["rgb"])
    rows = run(outputs, monkeypatch, "save_parquet", 1)["rows"]
    assert [row[:2] for row in rows] == [("folder/clip", start_s) for start_s in (0, 1, 2)]


def test_features_of_a_shard(outputs, monkeypatch):
    layers = run(outputs, monkeypatch, "save_shards")["layers"]
    assert layers["aaaaaaaaaaa_0"].keys() == {"layer_0", "layer_1"}


def test_features_of_the_whole_list(outputs, monkeypatch):
    (entry,) = run(outputs, monkeypatch, "--out")["features"]
    np.testing.assert_array_equal(entry["flow"], CLIP.arrays["flow"])


def test_reasons_of_failures(outputs, monkeypatch):
    assert run(outputs, monkeypatch, "manifest")["failed"] == ["no video stream"]


def test_every_format_has_an_example_of_three_lines():
    titles = " ".join(name for name, _ in EXAMPLES)
    assert all(
        kind in titles
        for kind in ("save_numpy", "save_npz", "save_pickle", "--out", "manifest", *MERGED, "save_shards")
    )
    assert all(len(code.splitlines()) <= 3 for code in EXAMPLES.values())
