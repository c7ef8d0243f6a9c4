import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featmill.inputs import described, reference
from utils.errors import UserError

FRAMES = np.zeros((2, 4, 6, 3), np.uint8)


def test_paths_and_bytes():
    assert reference(3, Path("/v/a.mp4")).path == "/v/a.mp4"
    ref = reference(3, {"path": "a.mp4", "start_s": 1.0, "end_s": None, "name": "x"})
    assert (ref.id, ref.name, ref.path, ref.start_s, ref.end_s) == ("3", "x", "a.mp4", 1.0, None)
    assert reference(0, memoryview(b"12")).data == b"12" and described(b"12") == {"bytes": b"12"}


def test_samples_become_a_wav_file():
    data = reference(0, {"samples": [[0.5, -0.5]], "rate_hz": 8000}).data
    assert isinstance(data, bytes)
    samples, rate = soundfile.read(io.BytesIO(data))
    assert samples.tolist() == [[0.5, -0.5]] and rate == 8000


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"pth": "a"}, "a video has 'pth'; known are path,"),
        (3, "a video is a int"),
        ({"bytes": b"1", "frames": FRAMES}, "a video has both bytes and frames"),
        ({"frames": FRAMES}, "fps is None"),
        ({"frames": FRAMES[0], "fps": 25}, r"frames are uint8 \[4, 6, 3\]"),
        ({"samples": np.zeros(3, int), "rate_hz": 1}, "they must be floats"),
        ({"samples": np.zeros((2, 99)), "rate_hz": 1}, r"not \[channels, n\]"),
        ({"samples": np.zeros(3)}, "rate_hz is None"),
        ({"samples": np.zeros(3), "rate_hz": 44100.5}, "a whole number from 1"),
        ({"samples": np.array([0.0, np.nan]), "rate_hz": 8000}, "some are NaN or infinite"),
    ],
)
def test_what_is_wrong_is_said(given, problem):
    with pytest.raises(UserError, match=problem):
        reference(0, given)
