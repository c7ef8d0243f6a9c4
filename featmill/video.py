"""The features of one video."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from utils.sinks.manifest_line import Status
from utils.storage.urls import redacted

Predictions = Mapping[str, list[list[tuple[str, float]]]]


@dataclass(frozen=True, eq=False)
class Video(Mapping[str, np.ndarray]):
    """The features of one video by key: `video["rgb"]` is float32 [windows, 1024], one row per window.

    name: what the video is called: its path, unless a name was given.
    feature_type: whose features these are.
    status: "done"; "partial" if something of the video is missing or damaged; "skipped" or "failed" if there are no
        features, because of the settings or of the file.
    arrays: the features by key.
    start_s, end_s: when each window begins and ends in seconds, float64 [windows]; None where features have no row per
        window, such as averages over a video.
    fps: frames per second that were extracted, None for sound. rate_hz: samples per second, None for frames.
    timestamps_ms: the time of each window's last frame, float64 [windows]; for flow fields that of each frame,
        [windows + 1]. None for sound, and where there is no row per window.
    notes: what is unusual about the video, or why it has no features: sentences, empty as a rule.
    predictions: with show_pred=True, the best classes of each window for each key, as (class, probability).
    """

    name: str
    feature_type: str
    status: Status
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    start_s: np.ndarray | None = field(default=None, repr=False)
    end_s: np.ndarray | None = field(default=None, repr=False)
    fps: float | None = None
    rate_hz: int | None = None
    timestamps_ms: np.ndarray | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    predictions: Predictions = field(default_factory=dict, repr=False)

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self.arrays:
            raise KeyError(f"{key!r} is not in {self!r}")
        return self.arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{key} {array.dtype}{list(array.shape)}" for key, array in self.items())
        notes = f", {'; '.join(self.notes)}" if self.notes else ""
        return f"<Video {redacted(self.name)}: {self.status}{notes}; {shapes or 'no features'}>"
