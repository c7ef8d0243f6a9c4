"""Which frames of a file rows were made of: those that are decoded at its times, at any rate, in any part."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.features import save
from support.media import moving_frames, write_clip

from utils.explore.view.collection import Collection
from utils.explore.view.documents import Documents
from utils.explore.view.media import MediaFolder
from utils.media.segment import Segment
from utils.media.video import VideoStream
from utils.sources.fingerprint import Fingerprint

PTS_MS = np.cumsum([0, *([40] * 12), *([17, 90, 33] * 8), 400, *([20] * 12)]).tolist()  # of a variable rate


def decoded(path: Path, fps: float | None, segment: Segment | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of the frames that are decoded, and which frames of the file they are, by their pixels."""
    with VideoStream(path) as whole:
        own = np.concatenate([chunk.pixels for chunk in whole]).reshape(len(PTS_MS), -1)
    with VideoStream(path, fps, segment=segment or Segment()) as stream:
        chunks = list(stream)
    pixels = np.concatenate([chunk.pixels for chunk in chunks])
    numbers = [int(np.flatnonzero((own == one.ravel()).all(axis=1))[0]) for one in pixels]
    return np.concatenate([chunk.pts_s for chunk in chunks]), np.array(numbers)


@pytest.mark.parametrize("segment", [None, (0.5, 1.3)])
@pytest.mark.parametrize("fps", [None, 5.0, 60.0])
@pytest.mark.parametrize("pts", [None, PTS_MS])
def test_frames_of_rows_are_those_decoded(
    tmp_path: Path, pts: list[int] | None, fps: float | None, segment: tuple[float, float] | None
) -> None:
    path = write_clip(tmp_path / "clip.mp4", moving_frames(len(PTS_MS)), Fraction(30000, 1001), pts=pts)
    times_s, numbers = decoded(path, fps, None if segment is None else Segment(*segment))
    with VideoStream(path, fps) as stream:
        rate = float(stream.info.fps)
    n = len(numbers) // 3  # windows of three frames, and rows of one
    windows = {"start_s": times_s[: 3 * n : 3], "end_s": times_s[2 : 3 * n : 3], "rgb": np.zeros((n, 2), np.float32)}
    about = {"source": Fingerprint("clip.mp4", segment=segment), "fps": rate, "windows": n}
    save(tmp_path / "out", "v", arrays=windows, **about)
    found = Documents(Collection(str(tmp_path / "out")), MediaFolder(str(tmp_path)))
    assert (found.get("video-0") or {})["has_frames"]
    assert found.get("frames-0") == {"first": numbers[: 3 * n : 3].tolist(), "last": numbers[2 : 3 * n : 3].tolist()}


def test_what_nobody_can_count(tmp_path: Path) -> None:
    """No file, no frames, a damaged file, no times."""
    (tmp_path / "garbage.mp4").write_bytes(b"0" * 5000)
    for name, about in {"gone.mp4": {}, "sound.wav": {"fps": None}, "garbage.mp4": {}}.items():
        save(tmp_path / "out", name, name, **about)
    found = Documents(Collection(str(tmp_path / "out")), MediaFolder(str(tmp_path)))
    assert [(found.get(f"video-{i}") or {})["has_frames"] for i in range(3)] == [False, False, True]
    assert found.get("frames-0") is None and "cannot be opened" in (found.get("frames-2") or {})["error"]
