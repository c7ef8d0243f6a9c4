"""The published checkpoint of PWC-Net with seeded weights, and the frames of the golden cases."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.golden import moving_frames, write_checkpoint
from torch import Tensor


@pytest.fixture(scope="package")
def pwc_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the layout of pwc_net_sintel.pt."""
    return write_checkpoint(tmp_path_factory.mktemp("pwc") / "pwc_net_sintel.pt", "pwc")


@pytest.fixture(scope="package")
def golden_frames() -> Callable[[dict[str, Any]], Tensor]:
    """Return the function that draws a case's frames from meta["input"], float32 [n, 3, H, W] in 0..255."""
    return draw_frames


def draw_frames(drawn: dict[str, Any]) -> Tensor:
    frames = moving_frames(drawn["seed"], drawn["n"], drawn["height"], drawn["width"])
    assert hashlib.sha256(frames.tobytes()).hexdigest() == drawn["sha256_of_frames"]
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float()
