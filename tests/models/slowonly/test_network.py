"""The golden cases of the network are in tests/utils/nn/test_resnet3d.py, with those of its siblings."""

import torch
from support.golden import layout

from models.slowonly.network import SlowOnly
from utils.weights.rename import from_mmaction2


def test_it_has_the_published_tensors() -> None:
    published = {name: shape for name, (shape, *_) in layout("slowonly_r50")["tensors"].items()}
    with torch.device("meta"):
        ours = {name: list(tensor.shape) for name, tensor in SlowOnly().state_dict().items()}
    assert from_mmaction2(published) == ours
