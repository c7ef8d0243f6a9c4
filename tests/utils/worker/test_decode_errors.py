import errno

import pytest
import torch

from utils.errors import SkippedError, VideoError
from utils.worker.decode_errors import outcome_of


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (SkippedError("too short"), "skipped", "a.mp4: too short"),
        (VideoError("cut off"), "failed", "a.mp4: cut off"),
        (VideoError("a.mp4: cut off"), "failed", "a.mp4: cut off"),
        (MemoryError(), "failed", "a.mp4: no memory to decode it"),
        (torch.OutOfMemoryError("CUDA"), "failed", "a.mp4: no memory to decode it"),
        (OSError(errno.EIO, "Input/output error"), "failed", "a.mp4: cannot be read"),
        (KeyError("x"), "failed", "a.mp4: unexpected KeyError: 'x' (please report this)"),
    ],
)
def test_what_an_error_means_for_the_video(error, status, reason):
    found = outcome_of(error, "a.mp4")
    assert found[0] == status and found[1].startswith(reason)
