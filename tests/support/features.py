"""Output folders as runs leave them, without a run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from support.sinks import line, make_sink, record
from utils.sinks.manifest_line import RunStamp
from utils.sources.fingerprint import Fingerprint
from utils.state.manifest import Manifest
from utils.storage.folder import LocalFolder


def save(folder: Path, name: str, path: str = "", arrays: Mapping[str, np.ndarray] | None = None, **about: Any) -> Path:
    """Add a video with features to the folder of the feature type i3d, and return the folder of its arrays."""
    saved = record(name, n_windows=len(next(iter(arrays.values()))) if arrays else 6, seed=len(name))
    for key, array in (arrays or {}).items():
        saved.arrays[key] = array
    saved = replace(saved, **{key: saved.arrays.pop(key) for key in ("start_s", "end_s") if key in saved.arrays})
    home = LocalFolder(folder / "i3d")
    home.prepare()
    done = line(saved, make_sink("save_numpy", home).write(saved))
    stamp = RunStamp("i3d", "0123456789abcdef", {"i3d": "random"}, "save_numpy")
    Manifest(home).append(replace(done, **{"source": Fingerprint(path), "stamp": stamp, **about}))
    return folder / "i3d"


def fail(folder: Path, name: str, reason: str, source: Fingerprint | None = None) -> None:
    """Add a video without features."""
    failed = line(record(name), [])
    Manifest(LocalFolder(folder / "i3d")).append(
        replace(
            failed,
            status="failed",
            reason=reason,
            windows=0,
            source=source or failed.source,
            stamp=RunStamp("i3d", "0123456789abcdef"),
        )
    )
