"""What the page gets of healthy, hostile and damaged outputs."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.features import fail, save

from utils.explore.view.collection import Collection, to_json
from utils.explore.view.documents import Documents
from utils.explore.view.media import MediaFolder
from utils.sources.fingerprint import Fingerprint

SCRIPT = "</script><img src=x onerror=alert(1)>"
WITHOUT_TIMES = {"start_s": np.zeros(0), "end_s": np.zeros(0)}


def documents(folder: Path, other: Path | None = None) -> Documents:
    return Documents(Collection(str(folder)), MediaFolder(None), None if other is None else Collection(str(other)))


def read(found: Documents, name: str) -> Any:
    """Return a document as a browser reads it: NaN would be an error there."""
    return json.loads(to_json(found.get(name)), parse_constant=lambda word: pytest.fail(word))


def test_a_collection_and_what_failed(tmp_path: Path) -> None:
    save(tmp_path, "a", meta={"class": "door", "note": SCRIPT})
    save(tmp_path, "b", meta={"class": "window", "note": 1.5})
    fail(tmp_path, SCRIPT, f"videos/clip.mp4: cannot be opened. Download it again. {SCRIPT}")
    found = documents(tmp_path)
    collection = read(found, "collection")
    (folder,) = collection["folders"]
    assert (folder["done"], folder["failed"], folder["windows"]) == (2, 1, 12)
    assert folder["causes"][0]["cause"].startswith("cannot be opened. Download it again.")
    assert folder["settings_hash"] == "0123456789abcdef" and collection["keys"] == [["rgb"]]
    assert collection["videos"]["name"] == ["a", "b", SCRIPT] and collection["labels"] == ["meta class"]
    assert read(found, "video-2")["keys"] == []
    version = read(found, "state")["version"]
    save(tmp_path, "c")  # a run goes on
    assert read(found, "state")["version"] != version
    assert read(found, "collection")["videos"]["number"] == [0, 1, 2, 3]


def test_a_video_on_its_time_axis_its_map_and_its_neighbours(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, 8)).astype(np.float32)
    save(tmp_path, "a", arrays={"rgb": rows})
    save(tmp_path, "b", arrays={"rgb": rows[::-1] + 0.01})
    found = documents(tmp_path)
    (key,) = read(found, "video-0")["keys"]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert key["start_s"] == [0, 1, 2, 3, 4, 5] and key["end_s"][-1] == 7 and key["times_known"]
    np.testing.assert_allclose(key["change"], 1 - (unit[1:] * unit[:-1]).sum(axis=1), atol=1e-5)
    assert key["similarity"]["n"] == 6 and key["similarity"]["low"] == pytest.approx((unit @ unit.T).min(), abs=1e-4)
    points = read(found, "map-0-0")
    assert points["total"] == len(points["x"]) == 12 and points["number"] == [0] * 6 + [1] * 6
    found.index(found.collection.folders[0], "rgb").ready(wait=True)
    hits = read(found, "near-0-0-2")["hits"]
    assert (hits[0]["number"], hits[0]["row"]) == (1, 3) and hits[0]["cosine"] > 0.99
    own = [hit for hit in hits if hit["number"] == 0]
    assert 0 < len(own) <= 3 and all(abs(hit["row"] - 2) > 2 for hit in own)


def test_the_page_begins_with_what_a_map_shows(tmp_path: Path) -> None:
    save(tmp_path, "a", arrays={"rgb": np.ones((3, 2, 4, 4), np.float32)}).rename(tmp_path / "a_flow")
    assert read(documents(tmp_path), "collection")["first_map"] == "0-0"
    save(tmp_path, "a")
    assert read(documents(tmp_path), "collection")["first_map"] == "1-0"


def test_a_map_by_umap_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcd":
        save(tmp_path / "out", name)
    found = documents(tmp_path / "out")
    monkeypatch.setattr("utils.explore.view.documents.has_umap", lambda: False)
    assert found.get("umap-0-0") is None and read(found, "collection")["maps"] == ["map"]
    monkeypatch.undo()
    (tmp_path / "umap.py").write_text(
        "class UMAP:\n"
        "    def __init__(self, **options): assert options['n_components'] == 2\n"
        "    def fit_transform(self, vectors): return vectors[:, :2]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.delitem(sys.modules, "umap", raising=False)
    assert len(read(found, "umap-0-0")["x"]) == 24 and read(found, "collection")["maps"] == ["map", "umap"]
    sys.modules.pop("umap")


def test_another_output_of_the_same_videos(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    save(tmp_path / "a", "v", arrays={"rgb": rows})
    save(tmp_path / "b", "v", arrays={"rgb": -3 * rows})
    other = read(documents(tmp_path / "a", tmp_path / "b"), "video-0")["other"]
    assert other["cosines"]["rgb"] == [-1] * 5 and other["keys"][0]["rows"] == 5
    (tmp_path / "b/i3d/v_rgb.npy").write_bytes(b"no array")
    about = read(documents(tmp_path / "a", tmp_path / "b"), "video-0")
    assert about["keys"][0]["rows"] == 5 and "v_rgb.npy" in about["error"] and "other" not in about


def test_rows_without_times_share_what_was_extracted(tmp_path: Path) -> None:
    rows = np.eye(4, dtype=np.float32)
    for folder, each in (("a", rows), ("b", rows[::2])):
        save(tmp_path / folder, "v", arrays={"rgb": each, **WITHOUT_TIMES}, length_s=8.0)
    about = read(documents(tmp_path / "a", tmp_path / "b"), "video-0")
    assert about["keys"][0]["start_s"] == [0, 2, 4, 6] and not about["keys"][0]["times_known"]
    assert about["other"]["keys"][0]["end_s"] == [4, 8] and about["other"]["cosines"]["rgb"] == [1, 0, 1, 0]


def test_a_row_of_a_whole_video_has_its_time(tmp_path: Path) -> None:
    for name in ("a", "b", "segment"):
        source = Fingerprint("x.mp4", segment=(30.0, 37.5)) if name == "segment" else Fingerprint("x.mp4")
        save(tmp_path, name, arrays={"rgb": np.ones(8, np.float32)}, windows=25, length_s=7.5, source=source)
    odd: Any = ("a", 1e308)
    save(
        tmp_path, "odd", arrays={"rgb": np.eye(8)[0]}, windows=25, length_s=np.nan, source=Fingerprint("x", segment=odd)
    )
    found = documents(tmp_path)
    (key,) = read(found, "video-0")["keys"]
    assert (key["start_s"], key["end_s"], key["to_s"], key["times_known"]) == ([0], [7.5], [7.5], True)
    points = read(found, "map-0-0")
    assert points["start_s"] == [0, 0, 30, 0] and points["end_s"] == [7.5, 7.5, 37.5, 1]
    found.index(found.collection.folders[0], "rgb").ready(wait=True)
    hits = [(hit["number"], hit["start_s"], hit["end_s"]) for hit in read(found, "near-0-0-0")["hits"]]
    assert sorted(hits) == [(1, 0, 7.5), (2, 30, 37.5), (3, 0, 1)]


def test_nan_huge_missing_and_foreign_content(tmp_path: Path) -> None:
    rows = np.ones((4, 3), np.float32)
    rows[1, 0], rows[2] = np.nan, np.inf
    home = save(tmp_path, "a", arrays={"rgb": rows}, meta={"score": float("nan"), "deep": {"x": [float("inf")]}})
    save(tmp_path, "gone")
    (home / "gone_rgb.npy").unlink()
    huge = json.loads((home / "manifest.jsonl").read_text().splitlines()[0])
    outputs = [huge["outputs"][0] | {"arrays": {"rgb": {"shape": [1 << 40, 9], "dtype": "float32"}}}]
    huge |= {"id": "huge", "name": "huge", "meta": {}, "outputs": outputs}
    odd = [{**huge, "id": "odd", key: value} for key, value in (("windows", "many"), ("name", 5), ("meta", "x"))]
    with (home / "manifest.jsonl").open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in (huge, *odd))
    found = documents(tmp_path)
    assert read(found, "collection")["videos"]["name"] == ["a", "gone", "huge"]
    (key,) = read(found, "video-0")["keys"]
    assert key["not_finite"] == 2 and key["change"][0] == 1
    assert "cannot be read" in read(found, "video-1")["error"]
    assert "GB" in read(found, "video-2")["error"]
    assert len(read(found, "map-0-0")["x"]) == 4


def test_rows_that_cannot_be_compared_and_promises_that_are_not_kept(tmp_path: Path) -> None:
    """Other videos stay on the map, and their windows have neighbours."""
    home = save(tmp_path, "a", arrays={"rgb": np.concatenate([np.zeros((1, 8)), np.eye(8)[:3]]).astype(np.float32)})
    save(tmp_path, "narrow", arrays={"rgb": np.ones((4, 3), np.float32)})
    save(tmp_path, "texts", arrays={"rgb": np.array([["a", "b"]] * 4)})
    save(tmp_path, "complex", arrays={"rgb": np.full((4, 8), 1j)})
    first = json.loads((home / "manifest.jsonl").read_text().splitlines()[0])
    with (home / "manifest.jsonl").open("a") as file:
        for windows in (10**15, -1):
            file.write(json.dumps({**first, "id": str(windows), "name": "many", "windows": windows}) + "\n")
        file.write(json.dumps({**first, "id": "odd", "name": "odd", "seconds": [1]}) + "\n")
    found = documents(tmp_path)
    assert read(found, "collection")["videos"]["name"] == ["a", "narrow", "texts", "complex", "many"]
    points = read(found, "map-0-0")
    assert points["number"] == [0] * 4 + [4]  # of "many", as one row: it has not as many as it says
    found.index(found.collection.folders[0], "rgb").ready(wait=True)
    assert "points nowhere" in read(found, "near-0-0-0")["note"] and read(found, "near-0-0-1")["hits"]
    assert all("another size or kind" in read(found, f"near-{number}-0-1")["note"] for number in (1, 2, 3))


def test_addresses_are_links_and_nothing_else_is(tmp_path: Path) -> None:
    paths = ("https://user:secret@host/a.mp4", "javascript:alert(1)", "s3://bucket/a.mp4", "a.mp4", " http://x")
    for i, path in enumerate(paths):
        save(tmp_path, f"v{i}", path)
    found = documents(tmp_path)
    links = [read(found, f"video-{i}")["link"] for i in range(len(paths))]
    assert links[0].startswith("https://") and "secret" not in links[0] and links[1:] == [None] * 4
