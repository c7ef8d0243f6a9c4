from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.media import moving_frames

from utils.errors import RunError
from utils.media.video import Frames
from utils.worker.kept_frames import save_frames


def test_frames_keep_their_numbers_and_pixels(tmp_path: Path) -> None:
    frames = Frames(moving_frames(2, 8, 9), np.array([3, 12]), np.array([0.12, 0.48]))
    save_frames(tmp_path / "a" / "b", frames)
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["000003.png", "000012.png"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a/b/000012.png")), frames.pixels[1])


def test_a_place_that_is_no_folder_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(RunError, match="a: frames cannot be written"):
        save_frames(tmp_path / "a", Frames(moving_frames(1), np.array([0]), np.zeros(1)))
