import pytest
import torch
from torch import nn
from transformers import WavLMConfig
from transformers.models.wavlm.modeling_wavlm import WavLMAttention

from models.transformers.layers import keep_normed_weights, use_linear_layers
from utils.nn.prepare import ComputeMode, prepare_layers

WIDTH, N_TOKENS = 768, 99  # of 2 s


class Layers(nn.Module):
    """Two attention layers of WavLM, of which the second takes the first one's bias."""

    def __init__(self) -> None:
        super().__init__()
        settings = WavLMConfig()
        sizes = (WIDTH, settings.num_attention_heads)
        self.first, self.second = (WavLMAttention(*sizes, has_relative_position_bias=each) for each in (True, False))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[B, n, 768] -> the same shape."""
        tokens, _, bias = self.first(tokens, attention_mask=None, position_bias=None, index=0)
        return self.second(tokens, attention_mask=None, position_bias=bias, index=1)[0]


def layers() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    network, tokens = Layers().eval().requires_grad_(False), torch.randn(17, N_TOKENS, WIDTH)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            nn.init.normal_(parameter)
    return network, tokens


def test_attention_is_that_of_wavlm() -> None:
    network, tokens = layers()
    expected = network(tokens)
    use_linear_layers(network)
    found = prepare_layers(network, torch.device("cpu"), ComputeMode())(tokens)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.bits
def test_a_row_of_wavlm_does_not_depend_on_its_batch(n_threads) -> None:
    network, tokens = layers()
    use_linear_layers(network)
    prepare_layers(network, torch.device("cpu"), ComputeMode())
    rows = network(tokens)
    parts = [slice(0, n) for n in (2, 3, 5, 7, 16)] + [slice(i, i + 1) for i in range(17)]
    assert [part for part in parts if not torch.equal(network(tokens[part]), rows[part])] == []


def test_normed_weights_are_computed_once() -> None:
    network = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv1d(6, 4, 3), dim=2))
    x = torch.randn(2, 6, 9)
    with torch.inference_mode():
        expected = network(x)
        keep_normed_weights(network)
        torch.testing.assert_close(network(x), expected, rtol=1e-6, atol=1e-6)
    assert network.state_dict().keys() == {"0.weight", "0.bias"}
