import pytest
import torch
from torch import nn

from models.transformers.layers import keep_normed_weights, use_linear_attention
from utils.nn.prepare import ComputeMode, prepare_layers


class Head(nn.Module):
    """One query for the tokens of each row, as in the head of SigLIP."""

    def __init__(self) -> None:
        super().__init__()
        self.probe = nn.Parameter(torch.randn(1, 1, 768))
        self.attention = nn.MultiheadAttention(768, 12, batch_first=True)
        nn.init.normal_(self.attention.in_proj_bias)
        nn.init.normal_(self.attention.out_proj.bias)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.attention(self.probe.repeat(len(tokens), 1, 1), tokens, tokens)[0][:, 0]


@pytest.fixture(scope="module")
def rows() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A head with linear layers, tokens [17, 9, 768], and what PyTorch's own attention makes of them [17, 768]."""
    torch.manual_seed(0)
    head, tokens = Head().eval().requires_grad_(False), torch.randn(17, 9, 768)
    expected = head(tokens)
    use_linear_attention(head)
    return prepare_layers(head, torch.device("cpu"), ComputeMode()), tokens, expected


def test_attention_is_that_of_pytorch(rows) -> None:
    head, tokens, expected = rows
    torch.testing.assert_close(head(tokens), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.bits
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_row_does_not_depend_on_its_batch(rows, n_threads) -> None:
    head, tokens, _ = rows
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    whole = head(tokens)
    same = [torch.equal(head(tokens[:n]), whole[:n]) for n in (1, 2, 3, 5, 7, 16)]
    torch.set_num_threads(before)
    assert all(same)


def test_normed_weights_are_computed_once() -> None:
    network = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv1d(6, 4, 3), dim=2))
    x = torch.randn(2, 6, 9)
    with torch.inference_mode():
        expected = network(x)
        keep_normed_weights(network)
        torch.testing.assert_close(network(x), expected, rtol=1e-6, atol=1e-6)
    assert network.state_dict().keys() == {"0.weight", "0.bias"}
