"""Which frames of a video's file the rows of its features were made of."""

from pathlib import Path
from typing import Any

import numpy as np

from utils.explore.view.collection import DAMAGE, FeatureFolder
from utils.explore.view.media import Clip, MediaFolder
from utils.explore.view.series import step_of
from utils.explore.view.windows import times_of
from utils.sinks.manifest_line import ManifestLine
from utils.sources.fingerprint import Fingerprint

RATE_TOLERANCE = 1e-6  # by which a file's own rate may differ from what was saved of it


def can_count(clip: Clip | None, line: ManifestLine) -> bool:
    """Return whether frames can be counted: in a file on this machine, since all of it is read."""
    return line.fps is not None and clip is not None and clip.size > 0 and isinstance(clip.path, Path)


def frames_document(media: MediaFolder, clip: Clip, folder: FeatureFolder, line: ManifestLine) -> dict[str, Any]:
    """Return the numbers of the first and the last frame of each row that is drawn; {} where rows have no times."""
    try:
        start_s, end_s, known = times_of(folder.read(line), line.windows, line)
        if not known or line.fps is None:
            return {}
        times_s = np.stack([start_s, end_s])[:, :: step_of(line.windows)]
        with media.decoding:
            first, last = _frames(clip, times_s, line.fps, folder.sampled_fps(line), line.source)
        return {"first": first.tolist(), "last": last.tolist()}
    except DAMAGE as error:
        return {"error": str(error) or type(error).__name__}


def _frames(clip: Clip, times_s: np.ndarray, fps: float, sampled_fps: float | None, source: Fingerprint) -> np.ndarray:
    """Return which frame of a file was taken at each time. fps: of the frames that were extracted.

    sampled_fps: that they were sampled at, as far as settings say: some types have a rate of their own.
    """
    from utils.media.frame_times import frames_at
    from utils.media.probe import probe
    from utils.media.segment import WHOLE, Segment

    own = probe(clip.source).fps
    is_sampled = sampled_fps is not None or own is None or abs(fps - float(own)) > RATE_TOLERANCE * fps
    segment = Segment(*source.segment) if source.segment else WHOLE
    return frames_at(clip.source, times_s, fps if is_sampled else None, segment)
