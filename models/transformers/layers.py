"""Layers of the library's models that round otherwise in other batches, as layers that do not."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from utils.nn.cpu.threads import set_threads
from utils.nn.vision_transformer import attend


class LinearAttention(nn.Module):
    """What a `MultiheadAttention` gives of batches without masks, in evaluation.

    That one reads the weights of its linear layers, so that they run by MKL on a CPU: where a row has one query, as in
    the head of SigLIP, last digits depend on the batch that it is in.
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        size, self.n_heads = attention.embed_dim, attention.num_heads
        parts = zip(cast(Tensor, attention.in_proj_weight).split(size), attention.in_proj_bias.split(size), strict=True)
        self.query, self.key, self.value = (_linear(weight, bias) for weight, bias in parts)
        self.out = _linear(attention.out_proj.weight, attention.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, None]:
        """Return [B, n, D], and no weights. query: [B, n, D]; key, value: [B, m, D]."""
        return self.out(attend(self.query(query), self.key(key), self.value(value), self.n_heads)), None


def use_linear_attention(network: nn.Module) -> None:
    """Replace each `MultiheadAttention` of a network in place; the batch must come first, as in the head of SigLIP."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.MultiheadAttention):
                setattr(module, name, LinearAttention(child))


def keep_normed_weights(network: nn.Module) -> None:
    """Compute weights that are normed in each call (wav2vec 2.0, HuBERT, WavLM) once, in place.

    On one thread, since they round otherwise on two; in a call, their last digits would depend on its batch.
    """
    n_threads = torch.get_num_threads()
    set_threads(1)
    for module in list(network.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    set_threads(n_threads)


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(1, 1, device="meta")
    layer.weight, layer.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
    return layer
