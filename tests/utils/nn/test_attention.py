"""Attention against sums written out, PyTorch's own and timm's; and rows alone, among few and among many."""

import math
from collections.abc import Callable

import pytest
import torch
from timm.layers.attention_pool import AttentionPoolLatent
from timm.models.cait import ClassAttn
from torch import Tensor, nn

from utils.nn.attention import attend, use_linear_attention
from utils.nn.prepare import ComputeMode, prepare_layers

CPU = torch.device("cpu")
N_ROWS = (1, 2, 3, 5, 7, 16)


class Head(nn.Module):
    """Queries for the tokens of each row, as in the head of SigLIP (one) and in CoCa's pool."""

    def __init__(self, n_queries: int, token_width: int) -> None:
        super().__init__()
        self.probe = nn.Parameter(torch.randn(1, n_queries, 768))
        self.attention = nn.MultiheadAttention(768, 12, kdim=token_width, vdim=token_width, batch_first=True)
        nn.init.normal_(self.attention.in_proj_bias)
        nn.init.normal_(self.attention.out_proj.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, n, token_width] -> [B, n_queries, 768]."""
        return self.attention(self.probe.expand(len(tokens), -1, -1), tokens, tokens, need_weights=False)[0]


def siglip_pool() -> nn.Module:
    return AttentionPoolLatent(768, num_heads=12)


def class_attention() -> nn.Module:
    return ClassAttn(768, 12)


def double(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(math.prod(shape)), dtype=torch.float64)


def prepared(network: nn.Module) -> nn.Module:
    return prepare_layers(network, CPU, ComputeMode())


@pytest.mark.parametrize("n_queries", [1, 5])
def test_attention_is_that_of_each_head(n_queries: int) -> None:
    q, k, v, bias = double(2, 5, 12)[:, :n_queries], double(2, 7, 12), double(2, 8, 12)[:, :7], double(2, 3, 5, 7)
    plain, biased = attend(q, k, v, 3), attend(q, k, v, 3, bias[:, :, :n_queries])
    for i, head in enumerate((slice(0, 4), slice(4, 8), slice(8, 12))):
        scores = q[..., head] @ k[..., head].mT / 2
        torch.testing.assert_close(plain[..., head], scores.softmax(-1) @ v[..., head], rtol=1e-5, atol=1e-6)
        weights = (scores + bias[:, i, :n_queries]).softmax(-1)
        torch.testing.assert_close(biased[..., head], weights @ v[..., head])


@pytest.mark.parametrize(("n_queries", "token_width"), [(1, 768), (5, 512)])
def test_linear_attention_is_that_of_pytorch(n_queries: int, token_width: int) -> None:
    torch.manual_seed(0)
    head, tokens = Head(n_queries, token_width).eval(), torch.randn(3, 9, token_width)
    with torch.inference_mode():
        expected = head(tokens)
        use_linear_attention(head)
        assert not any(isinstance(module, nn.MultiheadAttention) for module in head.modules())
        torch.testing.assert_close(prepared(head)(tokens), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.bits
@pytest.mark.parametrize(("n_queries", "token_width"), [(1, 768), (5, 512)])
def test_a_row_of_linear_attention_does_not_depend_on_its_batch(n_threads, n_queries, token_width) -> None:
    torch.manual_seed(0)
    head, tokens = Head(n_queries, token_width), torch.randn(17, 9, token_width)
    use_linear_attention(head)
    rows = prepared(head)(tokens)
    assert [n for n in N_ROWS if not torch.equal(head(tokens[:n]), rows[:n])] == []


@pytest.mark.parametrize("make", [siglip_pool, class_attention])
def test_a_single_query_gives_what_it_gives_in_timm(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    pool, tokens = make().eval(), torch.randn(3, 196, 768)
    with torch.inference_mode():
        expected = pool(tokens)
        torch.testing.assert_close(prepared(nn.Sequential(pool))(tokens), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.bits
@pytest.mark.parametrize("make", [siglip_pool, class_attention])
def test_a_row_of_a_single_query_does_not_depend_on_its_batch(n_threads, make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    pool, tokens = prepared(nn.Sequential(make())), torch.randn(17, 196, 768)
    rows = pool(tokens)
    assert [n for n in N_ROWS if not torch.equal(pool(tokens[:n]), rows[:n])] == []


def test_a_compiled_network_attends_as_it_is() -> None:
    pool = prepare_layers(nn.Sequential(siglip_pool()), CPU, ComputeMode(compile=True))
    assert "forward" not in vars(pool[0])
