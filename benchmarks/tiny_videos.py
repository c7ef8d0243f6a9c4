"""Many tiny videos, for benchmarks of the number of videos rather than their length."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

SIDE, FPS = 32, 25


def write_videos(folder: Path, n_videos: int, n_frames: int = 2, n_different: int = 20) -> list[Path]:
    """Write videos of `n_frames` frames of one colour each; return their paths.

    Only the first `n_different` are written; the others are hard links to them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i:07d}.mp4" for i in range(n_videos)]
    for i, path in enumerate(paths):
        if i < n_different:
            _write(path, [(40 + 11 * i + 5 * k) % 256 for k in range(n_frames)])
        else:
            path.hardlink_to(paths[i % n_different])
    return paths


def _write(path: Path, greys: Iterable[int]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for grey in greys:
            frame = av.VideoFrame.from_ndarray(np.full((SIDE, SIDE, 3), grey, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
