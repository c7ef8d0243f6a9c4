"""The network with seeded weights from a file in the published layout, once for all tests of PANNs."""

import numpy as np
import pytest
import torch
from support.device import DEVICE
from support.golden import seeded_arrays
from torch import nn

from models.panns.weights import load_panns
from utils.nn.prepare import ComputeMode, prepare_network
from utils.nn.skip_init import SkipInit


@pytest.fixture(scope="package")
def panns(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    """The network of the 32 kHz file, as it runs. The file holds NumPy objects, too.

    All tensors but those of the front end are those of the 16 kHz file.
    """
    path = tmp_path_factory.mktemp("panns") / "Cnn14_mAP=0.431.pth"
    tensors = {name: torch.from_numpy(array) for name, array in seeded_arrays("panns_cnn14").items()}
    sampler = {"random_state": np.random.RandomState(0), "indexes": np.arange(3)}
    torch.save({"iteration": 600000, "model": tensors, "sampler": sampler}, path)
    with SkipInit():
        network = load_panns(path, "cnn14")
    return prepare_network(network, DEVICE, ComputeMode(), ("fc1", "classifier"))
