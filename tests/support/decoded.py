"""All frames of a video at once."""

from pathlib import Path
from typing import Any

import numpy as np

from utils.media.video import Frames, VideoStream


def decoded(path: Path, **options: Any) -> tuple[Frames, VideoStream]:
    """Return the frames of a `VideoStream` with these options, and the stream, closed."""
    with VideoStream(path, **options) as stream:
        chunks = list(stream)
    pixels, index, pts_s = zip(*((c.pixels, c.index, c.pts_s) for c in chunks), strict=True)
    return Frames(np.concatenate(pixels), np.concatenate(index), np.concatenate(pts_s)), stream
