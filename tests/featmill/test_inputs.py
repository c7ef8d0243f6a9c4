import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from featmill.inputs import described, reference
from utils.errors import UserError

FRAMES = np.zeros((2, 4, 6, 3), np.uint8)


def test_paths_and_bytes():
    assert reference(3, Path("/v/a.mp4")).path == "/v/a.mp4"
    ref = reference(3, {"path": "a.mp4", "start_s": 1.0, "end_s": None, "name": "x"})
    assert (ref.id, ref.name, ref.path, ref.start_s, ref.end_s) == ("3", "x", "a.mp4", 1.0, None)
    assert reference(0, memoryview(b"12")).data == b"12" and described(b"12") == {"bytes": b"12"}


def test_a_path_object_may_give_bytes():
    class Entry:
        def __fspath__(self):
            return b"a.mp4"

    assert reference(0, Entry()).path == "a.mp4"


def test_samples_become_a_wav_file():
    data = reference(0, {"samples": [[0.5, -0.5]], "rate_hz": 8000}).data
    assert isinstance(data, bytes)
    samples, rate = soundfile.read(io.BytesIO(data))
    assert samples.tolist() == [[0.5, -0.5]] and rate == 8000


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"pth": "a"}, "a video has 'pth'; known are path,"),
        (3, "a video is of type int: give a path"),
        (io.BytesIO(b"1"), r"of type BytesIO: give what its read\(\) returns"),
        (FRAMES, 'of type ndarray: give {"frames": it, "fps": 25}'),
        ({"bytes": b"1", "frames": FRAMES}, "a video has both bytes and frames"),
        ({"frames": FRAMES}, "fps is None"),
        ({"frames": FRAMES[0], "fps": 25}, r"frames are uint8 \[4, 6, 3\]"),
        ({"frames": FRAMES[:, None, ..., 0].repeat(3, 1), "fps": 25}, r"transpose it by \(0, 2, 3, 1\)"),
        ({"frames": FRAMES[..., :1], "fps": 25}, r"frames.repeat\(3, axis=3\)"),
        ({"frames": FRAMES[..., 0], "fps": 25}, r"frames\[..., None\].repeat\(3, axis=3\)"),
        ({"frames": FRAMES[..., [0, 1, 2, 2]], "fps": 25}, r"drop the fourth channel"),
        ({"frames": FRAMES / 255, "fps": 25}, "those from 0 to 1 times 255"),
        ({"frames": ["a.mp4"], "fps": 25}, "map of an Extractor takes a list"),
        ({"frames": np.zeros(9), "fps": 25}, "samples of sound need rate_hz="),
        ({"frames": [], "fps": 25}, r"frames are float64 \[0\]; they must be uint8 \[n, height, width, 3\], RGB$"),
        ({"frames": torch.zeros(2, 4, 6, 3, dtype=torch.bfloat16), "fps": 25}, "not an array that NumPy can read"),
        ({"frames": torch.zeros(2, 4, 6, 3, device="meta"), "fps": 25}, "not an array that NumPy can read"),
        ({"samples": np.zeros(3, int), "rate_hz": 1}, "they must be floats"),
        ({"samples": np.zeros(3, np.int16), "rate_hz": 1}, "divide them by 32768"),
        ({"samples": np.full(3, 32767.0), "rate_hz": 1}, "samples are up to 32767; .*divide those of 16 bits by 32768"),
        ({"samples": np.full(3, 1e300), "rate_hz": 1}, "samples are up to 1e"),
        ({"samples": np.zeros((2, 99)), "rate_hz": 1}, r"not \[channels, n\]"),
        ({"samples": np.zeros(3)}, "rate_hz is None"),
        ({"samples": np.zeros(3), "rate_hz": 44100.5}, "a whole number from 1"),
        ({"samples": np.array([0.0, np.nan]), "rate_hz": 8000}, "some are NaN or infinite"),
    ],
)
def test_what_is_wrong_is_said(given, problem):
    with pytest.raises(UserError, match=problem):
        reference(0, given)
