"""A checkpoint with seeded weights in the published layout, and its network, once for all tests of PANNs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.golden import seeded_arrays

from models.panns.network import Cnn14
from models.panns.weights import load_panns


@pytest.fixture(scope="session")
def panns_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 32 kHz file; all tensors but the front end's are those of the 16 kHz one. Holds NumPy objects, too."""
    path = tmp_path_factory.mktemp("panns") / "Cnn14_mAP=0.431.pth"
    tensors = {name: torch.from_numpy(array) for name, array in seeded_arrays("panns_cnn14").items()}
    sampler = {"random_state": np.random.RandomState(0), "indexes": np.arange(3)}
    torch.save({"iteration": 600000, "model": tensors, "sampler": sampler}, path)
    return path


@pytest.fixture(scope="session")
def panns(panns_checkpoint: Path) -> Cnn14:
    """The network with these weights."""
    return load_panns(panns_checkpoint, "cnn14")
