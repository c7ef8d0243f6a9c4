"""The index of a large collection finds what comparing every window finds, and is made again with the manifest."""

from pathlib import Path

import numpy as np
import pytest
from support.sinks import line, make_sink, record

import featmill
from utils.explore.search import index
from utils.explore.search.nearest import nearest
from utils.explore.search.windows import SavedWindows
from utils.state.manifest import Manifest
from utils.storage.folder import LocalFolder

pytest.importorskip("faiss")


def test_an_index_is_made_kept_and_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = LocalFolder(tmp_path / "i3d")
    videos = [record(f"v{i}", seed=i, n_windows=60, size=16) for i in range(40)]
    sink = make_sink("save_npz", folder)
    Manifest(folder).append(*(line(video, sink.write(video)) for video in videos[:39]))
    looked_at = SavedWindows.at(str(tmp_path))
    made = index.make_index(looked_at)
    assert made.recall >= 0.99 and len(made.windows) == 39 * 60
    opened = index.open_index(SavedWindows.at(str(tmp_path)))
    assert opened is not None and (opened.recall, opened.n_probe) == (made.recall, made.n_probe)
    queries = np.random.default_rng(3).normal(size=(20, 16))
    exact = nearest(looked_at.blocks(), queries, 10)
    pairs = [(opened.nearest(query, 10), wanted) for query, wanted in zip(queries, exact, strict=True)]
    recall = np.mean([np.isin(wanted[1], found[1]).mean() for found, wanted in pairs])
    assert recall >= 0.97
    for query, ((scores, windows), _) in zip(queries[:3], pairs, strict=False):  # computed again from what was saved
        rows = np.stack([videos[video].arrays["rgb"][row] for video, row, *_ in windows.tolist()])
        cosines = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
        np.testing.assert_allclose(scores, cosines, atol=1e-6)
    Manifest(folder).append(line(videos[39], sink.write(videos[39])))
    monkeypatch.setattr(index, "FROM_WINDOWS", 2000)
    assert index.open_index(SavedWindows.at(str(tmp_path))) is None
    query = videos[39].arrays["rgb"][7]
    (hit,) = featmill.load(tmp_path).search(query, top=1)
    assert (hit.video, hit.row) == ("v39", 7) and index.open_index(SavedWindows.at(str(tmp_path))) is not None
    Path(f"{folder}/{index.FOLDER}rgb.faiss").write_bytes(b"damaged")
    assert index.open_index(SavedWindows.at(str(tmp_path))) is None
