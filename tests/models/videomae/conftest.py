"""The small network's checkpoint with seeded weights in the published layout, once for all tests of VideoMAE."""

from pathlib import Path

import pytest
from support.golden import write_checkpoint


@pytest.fixture(scope="package")
def videomae_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As DeepSpeed wraps it."""
    path = tmp_path_factory.mktemp("videomae") / "vit_s_k710_dl_from_giant.pth"
    return write_checkpoint(path, "videomae_v2", "keys_vit_small.json", wrapper="module")
