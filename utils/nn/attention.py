"""Attention whose rows, on a CPU, do not depend on the batch that they are in, to the bit."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# Layers of timm, compared by name, so that timm is not imported for it: pools of SigLIP and PE; of CaiT and XCiT
SINGLE_QUERY = ("AttentionPoolLatent", "ClassAttn")


def attend(queries: Tensor, keys: Tensor, values: Tensor, n_heads: int, bias: Tensor | None = None) -> Tensor:
    """Return softmax(q k' / sqrt(width of a head) + bias) v for each head, [B, N, width].

    queries: [B, N, width]. keys, values: [B, M, width]. bias: [B, heads, N, M].
    """
    q, k, v = (x.unflatten(-1, (n_heads, -1)).transpose(1, 2) for x in (queries, keys, values))
    is_single = bias is None and queries.shape[1] == 1 and queries.device.type == "cpu"
    attended = _attend_once(q, k, v) if is_single else F.scaled_dot_product_attention(q, k, v, bias)
    return attended.transpose(1, 2).flatten(2)


def _attend_once(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return the attention of a single query [B, heads, 1, d] to keys and values [B, heads, M, d].

    PyTorch's own rounds products of fewer than four queries otherwise where a thread's working memory does not begin at
    a multiple of 16 bytes, as that of the first does: last digits of a row would depend on which thread it falls to.
    """
    scores = (query.float() * keys.float()).sum(-1, keepdim=True) * query.shape[-1] ** -0.5
    return (scores.softmax(-2) * values.float()).sum(-2, keepdim=True).to(query.dtype)


class LinearAttention(nn.Module):
    """What a `MultiheadAttention` gives of batches without masks, in evaluation.

    That one reads the weights of its linear layers, so that they run by MKL on a CPU: where keys are not queries, as in
    the head of SigLIP and in CoCa, last digits of a row depend on the batch that it is in.
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.n_heads = attention.num_heads
        whole = cast(Tensor | None, attention.in_proj_weight)
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        weights = [attention.get_parameter(name) for name in names] if whole is None else whole.chunk(3)
        self.query, self.key, self.value = map(_linear, weights, attention.in_proj_bias.chunk(3))
        self.out = _linear(attention.out_proj.weight, attention.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, need_weights: bool = False) -> tuple[Tensor, None]:
        """Return [B, n, D], and no weights. query: [B, n, D]; key, value: [B, m, D'], of widths of their own."""
        return self.out(attend(self.query(query), self.key(key), self.value(value), self.n_heads)), None


def use_linear_attention(network: nn.Module) -> None:
    """Replace each `MultiheadAttention` of a network in place; the batch must come first, as in the head of SigLIP."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.MultiheadAttention):
                setattr(module, name, LinearAttention(child))


class SingleQueries(TorchFunctionMode):
    """Within this, `scaled_dot_product_attention` of a single query without a mask sums as `attend` does."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return func(*args, **kwargs), or the attention of a single query."""
        options = kwargs or {}
        is_plain = len(args) == 3 and not any(isinstance(value, Tensor) or value for value in options.values())
        if func is F.scaled_dot_product_attention and is_plain and args[0].shape[-2] == 1:
            return _attend_once(*args)
        return func(*args, **options)


def attend_single_queries(network: nn.Module) -> None:
    """Let timm's layers of `SINGLE_QUERY` attend within `SingleQueries`, in place: for networks on a CPU."""
    for module in network.modules():
        if type(module).__name__ in SINGLE_QUERY:
            module.forward = partial(_with_single_queries, module.forward)


def _with_single_queries(forward: Callable[..., Tensor], *inputs: Any, **options: Any) -> Tensor:
    with SingleQueries():
        return forward(*inputs, **options)


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(1, 1, device="meta")
    layer.weight, layer.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
    return layer
