"""Windows of every format are read in blocks, and what cannot be searched is counted."""

from pathlib import Path

import numpy as np
import pytest
from support.sinks import MERGED, line, make_sink, merged, record

from utils.explore.search import windows as windows_module
from utils.explore.search.nearest import nearest
from utils.explore.search.windows import SavedWindows
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.record import Record
from utils.state.manifest import Manifest
from utils.storage.folder import LocalFolder

NAN = np.float32("nan")
TABLES = ("save_parquet", "save_lance")


def cosines(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    return wide @ query / np.linalg.norm(wide, axis=1) / np.linalg.norm(query)


def saved(folder: Path, kind: str, videos: list[Record]) -> LocalFolder:
    """Write videos as a run does."""
    output = LocalFolder(folder / "i3d")
    if kind in MERGED:
        lines = merged(kind, output, videos)
    else:
        lines = [line(video, make_sink(kind, output).write(video)) for video in videos]
    Manifest(output).append(*lines)
    return output


@pytest.mark.parametrize("kind", [*MERGED, "save_numpy", "save_npz"])
def test_every_format_is_searched_and_what_is_no_vector_is_counted(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows_module, "BLOCK_BYTES", 400)  # several blocks
    videos = [record(f"v{i}", seed=i, n_windows=3 + i, size=6) for i in range(8)]
    videos[2].arrays["rgb"][1] = NAN
    videos[2].arrays["rgb"][2] = 0
    videos[4].arrays["rgb"][0, 3] = np.inf
    videos.insert(5, record("other", size=5))
    if kind not in TABLES:
        videos[5].arrays["rgb"] = np.zeros((3, 2, 2, 6), np.float32)  # a field
    if kind not in TABLES:  # which keep no rows of a video without any
        videos.insert(3, record("empty", n_windows=0, size=6))
    folder = saved(tmp_path, kind, videos)
    Manifest(folder).append(ManifestLine(id="x", status="failed", reason="no video stream"))
    if kind in ("save_numpy", "save_npz"):
        next(path for path in Path(str(folder)).glob("v6*") if path.suffix in (".npz", ".npy")).write_bytes(b"damaged")
    looked_at = SavedWindows.at(str(tmp_path))
    found_rows = np.concatenate([block.rows for block in looked_at.blocks()])
    damaged = int(kind in ("save_numpy", "save_npz"))
    usable = [
        video for video in videos if video.arrays["rgb"].shape[1:] == (6,) and not (damaged and video.ref.id == "v6")
    ]
    rows = np.concatenate([video.arrays["rgb"] for video in usable])
    rows = rows[np.isfinite(rows).all(axis=1) & rows.any(axis=1)]
    np.testing.assert_array_equal(np.sort(found_rows, axis=0), np.sort(rows, axis=0))
    left_out = looked_at.left_out
    assert (left_out.windows, left_out.other, left_out.damaged) == (3, 1, damaged)
    assert left_out.empty == int(kind not in TABLES)
    for query in np.random.default_rng(5).normal(size=(4, 6)):
        ((scores, windows),) = nearest(looked_at.blocks(), query[None], 5)
        best = np.argsort(-cosines(rows, query), kind="stable")[:5]
        for hit, number in zip(looked_at.hits(scores, windows), best, strict=True):
            video = next(one for one in usable if one.ref.name == hit.video)
            np.testing.assert_array_equal(video.arrays["rgb"][hit.row], rows[number])
            assert (hit.start_s, hit.end_s) == (hit.row, hit.row + 2)
