"""What a sink takes: the arrays of one video."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from utils.sources.name_template import NameTemplate
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
    as_columns: whether files of one video are to hold features [windows, D] as [D, windows].
    """

    ref: VideoRef
    arrays: dict[str, np.ndarray]
    features: list[str]
    attributes: dict[str, float] = field(default_factory=dict)
    start_s: np.ndarray | None = None
    end_s: np.ndarray | None = None
    feature_type: str = ""
    as_columns: bool = False

    @property
    def timed_arrays(self) -> dict[str, np.ndarray]:
        """All arrays, with "start_s" and "end_s" where there is a row per window."""
        times = {"start_s": self.start_s, "end_s": self.end_s}
        return self.arrays | {key: array for key, array in times.items() if array is not None}


def views(record: Record, template: NameTemplate) -> Iterator[tuple[int | None, dict[str, np.ndarray]]]:
    """Yield what one file, or one set of files, has of a video: each crop's rows where the template names crops.

    The number is None where the arrays have no crops, or are whole.
    """
    arrays = record.timed_arrays
    crops = {key: arrays[key] for key in record.features if arrays[key].ndim > 2}
    if not crops or not template.has("crop"):
        yield None, arrays | _laid_out(record, arrays)
        return
    for crop in range(next(iter(crops.values())).shape[1]):
        view = arrays | {key: array[:, crop] for key, array in crops.items()}
        yield crop, view | _laid_out(record, view)


def _laid_out(record: Record, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the features that are to be columns, turned."""
    features = record.features if record.as_columns else ()
    return {key: np.ascontiguousarray(arrays[key].T) for key in features if arrays[key].ndim == 2}
