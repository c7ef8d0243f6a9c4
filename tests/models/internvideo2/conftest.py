"""The small network's checkpoint with seeded weights in the published layout, once for all tests of InternVideo2."""

from pathlib import Path

import pytest
from support.golden import write_checkpoint


@pytest.fixture(scope="package")
def internvideo2_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As DeepSpeed wraps it."""
    path = tmp_path_factory.mktemp("internvideo2") / "pytorch_model.bin"
    return write_checkpoint(path, "internvideo2", "keys_S14.json", wrapper="module")
