"""The Python interface beside the command: the same bits."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import featmill
from support.device import DEVICE
from support.program import arrays

ABOUT = ("start_s", "end_s", "timestamps_ms", "fps")


def check_same_in_python(folder: Path, feature_type: str, videos: Iterable[Path | str], **flags: Any) -> None:
    """Assert that in Python, videos have the features and times that the command has saved as .npy files, to the bit.

    folder: of the feature type. flags: those that the command had. On a CPU, where bits hold.
    """
    if DEVICE.type != "cpu":
        return
    saved = arrays(folder)
    with warnings.catch_warnings(action="ignore"), featmill.Extractor(feature_type, device="cpu", **flags) as extractor:
        for video in extractor.map(videos):
            stem = Path(video.name).stem
            own = {name[len(stem) + 1 : -4]: array for name, array in saved.items() if name.startswith(f"{stem}_")}
            assert set(video) == own.keys() - ABOUT and video.status in ("done", "partial"), video
            for key, array in own.items():
                ours = video[key] if key in video else np.asarray(getattr(video, key))
                np.testing.assert_array_equal(ours, array, strict=True)
