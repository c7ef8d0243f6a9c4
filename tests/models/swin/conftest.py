from pathlib import Path

import numpy as np
import pytest
import torch
from support.golden import GOLDEN, seeded_arrays


@pytest.fixture(scope="package")
def swin_tensors() -> dict[str, torch.Tensor]:
    """Seeded weights under their published names; the index tables are real."""
    with np.load(GOLDEN / "swin_tiny" / "relative_position_index.npz") as file:
        index = torch.from_numpy(file["output_index"].astype(np.int64))
    tensors = {name: torch.from_numpy(array) for name, array in seeded_arrays("swin_tiny").items()}
    return {name: index if name.endswith("relative_position_index") else tensor for name, tensor in tensors.items()}


@pytest.fixture(scope="package")
def swin_checkpoint(swin_tensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("swin") / "swin.pth"
    torch.save({"meta": {"epoch": 30}, "state_dict": swin_tensors}, path)
    return path
