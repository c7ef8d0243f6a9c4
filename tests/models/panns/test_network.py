"""The golden cases of the network are in test_weights.py, through a checkpoint; here a narrow one, written out."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from models.panns import network
from models.panns.network import N_MELS, Cnn14


def test_blocks_pools_and_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "WIDTHS", (1, 2, 3, 2, 3, 2, 4))
    torch.manual_seed(0)
    narrow: Any = Cnn14(5).eval().requires_grad_(False)
    log_mels = torch.randn(2, 70, N_MELS)
    for module in narrow.modules():
        if hasattr(module, "running_mean"):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    x = (log_mels - narrow.bn0.running_mean) / (narrow.bn0.running_var + 1e-5).sqrt()
    x = x[:, None]
    for i, block in enumerate(narrow.blocks):
        x = F.avg_pool2d(x, 2) if i else x
        for convolution, norm in ((block[0], block[1]), (block[3], block[4])):
            x = F.conv2d(x, convolution.weight, padding=1)
            x = F.relu(F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias))
    x = x.mean(3)
    expected = F.relu(narrow.fc1(x.max(2).values + x.mean(2)))
    embeddings, logits = narrow(log_mels)
    torch.testing.assert_close(embeddings, expected)
    torch.testing.assert_close(logits, narrow.classifier(expected))
