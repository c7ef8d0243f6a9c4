"""Features shown as text."""

import numpy as np
from support.sinks import make_sink, record

from utils.storage.folder import LocalFolder


def test_print_shows_values_and_leaves_no_file(tmp_path):
    video, shown = record(), []
    video.arrays["rgb"] = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert make_sink("print", LocalFolder(tmp_path), shown.append).write(video) == []
    assert "max: 5.00000000; mean: 2.50000000; min: 0.00000000" in shown[0]
    assert not list(tmp_path.iterdir())


def test_print_shows_no_password(tmp_path):
    video, shown = record(), []
    object.__setattr__(video.ref, "path", "https://user:password@host/clip.mp4")
    make_sink("print", LocalFolder(tmp_path), shown.append).write(video)
    assert shown[0].startswith("https://host/clip.mp4\n")
