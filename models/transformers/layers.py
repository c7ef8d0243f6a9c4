"""What models of the library compute otherwise in other batches, so that it is alike."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from utils.nn.attention import attend, use_linear_attention
from utils.nn.cpu.threads import set_threads

TOKENS_OF_32 = 16  # numbers, two for each


def use_linear_layers(network: nn.Module) -> None:
    """Let attention that reads its linear layers' weights call the layers, in place: `MultiheadAttention`, and WavLM's.

    PyTorch's function has MKL multiply by the weights on a CPU: last digits of a row depend on the batch that it is in.
    """
    use_linear_attention(network)
    for module in network.modules():
        if type(module).__name__ == "WavLMAttention":
            module.forward = partial(_attend_as_wavlm, module)


def _attend_as_wavlm(
    attention: Any, hidden_states: Tensor, position_bias: Tensor | None = None, **_unused: object
) -> tuple[Tensor, None, Tensor]:
    """Return what WavLM's attention gives of tokens without padding [B, n, D], no weights, and the positions' bias.

    position_bias: [heads, n, n], None in the first layer.
    """
    n_tokens, n_heads = hidden_states.shape[1], attention.num_heads
    bias = attention.compute_bias(n_tokens, n_tokens) if position_bias is None else position_bias
    one, other = _gates(attention, hidden_states).chunk(2, -1)
    gated = (one * (other * attention.gru_rel_pos_const - 1.0) + 2.0) * bias
    queries, keys, values = (layer(hidden_states) for layer in (attention.q_proj, attention.k_proj, attention.v_proj))
    return attention.out_proj(attend(queries, keys, values, n_heads, gated)), None, bias


def _gates(attention: Any, tokens: Tensor) -> Tensor:
    """Return two gates for each token and head, [B, heads, n, 2].

    PyTorch takes the sigmoid of a tensor's last numbers, where they are fewer than 32, by another function, which
    rounds otherwise. So a row has a multiple of 32 here.
    """
    by_head = tokens.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
    sums = attention.gru_rel_pos_linear(by_head).unflatten(-1, (2, 4)).sum(-1)
    n_tokens = tokens.shape[1]
    return F.pad(sums, (0, 0, 0, -n_tokens % TOKENS_OF_32)).sigmoid()[:, :, :n_tokens]


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
