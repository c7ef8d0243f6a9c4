"""What a sink takes: the arrays of one video."""

from dataclasses import dataclass, field

import numpy as np

from utils.sources.ref import VideoRef


@dataclass(frozen=True)
class Record:
    """The arrays of one video.

    arrays: key → [windows, ...], and "fps", "timestamps_ms" where the model saves them.
    features: the keys that are the model's outputs.
    attributes: single numbers that formats with room for them carry along, such as clip_length.
    start_s, end_s: when each window begins and ends, float64 [windows]: the times of its first and its last frame, or
        of the sound in it; None where the arrays have no row per window.
    feature_type: whose features they are.
    """

    ref: VideoRef
    arrays: dict[str, np.ndarray]
    features: list[str]
    attributes: dict[str, float] = field(default_factory=dict)
    start_s: np.ndarray | None = None
    end_s: np.ndarray | None = None
    feature_type: str = ""

    @property
    def timed_arrays(self) -> dict[str, np.ndarray]:
        """All arrays, with "start_s" and "end_s" where there is a row per window."""
        times = {"start_s": self.start_s, "end_s": self.end_s}
        return self.arrays | {key: array for key, array in times.items() if array is not None}
