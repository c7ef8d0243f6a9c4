"""Classes on the page: saved ones, labels, hostile files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.features import save

from utils.explore.view.classes import Labels
from utils.explore.view.collection import Collection, to_json
from utils.explore.view.documents import Documents
from utils.explore.view.media import MediaFolder
from utils.sinks.top_classes import TopClasses
from utils.storage.folder import LocalFolder

NAMES = ["<b>door</b>", "dog", "cat"]


def made(folder: Path, rows: np.ndarray, **about: Any) -> Documents:
    """Return the page of one video whose best classes were saved."""
    top = TopClasses()
    for row in range(len(rows)):
        best = [(NAMES[row % 3], 0.5 + row / 10, 2.0), (NAMES[(row + 1) % 3], 0.1, 1.0)]
        top.add(row, (row, row + 2.0), "rgb", best)
    file = top.write(LocalFolder(folder / "i3d"), "v")
    save(folder, "v", arrays={"rgb": rows}, **{"top_classes": file, **about})
    return Documents(Collection(str(folder)), MediaFolder(None))


def test_saved_classes_on_the_time_axis_and_the_map(tmp_path: Path) -> None:
    found = made(tmp_path, np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32))
    (track,) = json.loads(to_json(found.get("video-0")))["classes"]
    assert (track["what"], track["key"], track["start_s"], track["end_s"]) == (
        "probability", "rgb", [0, 1, 2, 3], [2, 3, 4, 5],
    )  # fmt: skip
    best = [[track["names"][i] for i in row] for row in track["best"]]
    assert best == [[NAMES[i % 3], NAMES[(i + 1) % 3]] for i in range(4)]
    lane = track["shares"][track["lanes"].index(NAMES[0])]
    assert track["lanes"][0] == NAMES[0] and lane == pytest.approx([0.5, 0, 0.1, 0.8])
    assert found.get("map-0-0")["classes"] == [NAMES[i % 3] for i in range(4)]  # type: ignore[index]  # it is there


def test_labels_are_compared_by_cosine(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows, texts = rng.normal(size=(5, 8)).astype(np.float32), rng.normal(size=(3, 8)).astype(np.float32)
    found = made(tmp_path, rows, top_classes="")
    found = Documents(found.collection, found.media, labels={"i3d": Labels.of(NAMES, texts)})
    (track,) = json.loads(to_json(found.get("video-0")))["classes"]
    cosines = rows @ texts.T / np.linalg.norm(rows, axis=1)[:, None] / np.linalg.norm(texts, axis=1)
    assert [track["names"][row[0]] for row in track["best"]] == [NAMES[i] for i in cosines.argmax(axis=1)]
    shares = [track["shares"][track["lanes"].index(name)] for name in NAMES]
    np.testing.assert_allclose(np.transpose(shares), cosines, atol=1e-4)
    assert found.get("map-0-0")["classes"] == [NAMES[i] for i in cosines.argmax(axis=1)]  # type: ignore[index]  # it is there


def test_no_file_outside_and_features_without_it(tmp_path: Path) -> None:
    rows = np.ones((3, 4), np.float32)
    found = made(tmp_path / "whole", rows)
    for i, file in enumerate(("../../secret.npz", "top_classes/link.npz", "top_classes/gone.npz", "v_rgb.npy")):
        home = tmp_path / str(i)
        found = made(home, rows, top_classes=file)
        (tmp_path / "secret.npz").write_bytes((home / "i3d/top_classes/v.npz").read_bytes())
        (home / "i3d/top_classes/link.npz").symlink_to(tmp_path / "secret.npz")
        about = json.loads(to_json(found.get("video-0")))
        assert about["keys"] and not about["classes"] and ("not in the output" in about["error"]) == (i < 2)
        assert "classes" not in (found.get("map-0-0") or {})
    line = found.collection.folders[0].line("v")
    assert line is not None and type(line).from_json(replace(line, top_classes=5).to_json()) is None  # type: ignore[arg-type]  # wrong on purpose
