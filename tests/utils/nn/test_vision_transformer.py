"""The parts of vision transformers, against sums written out in float64."""

import math
from typing import Any

import torch

from utils.nn.attention import attend
from utils.nn.vision_transformer import EPSILON, Block, PatchEmbed, TransformerSpec

SPEC = TransformerSpec(width=12, depth=1, n_heads=3, hidden=20, patch=112, tube_frames=2)
RMS = TransformerSpec(12, 1, 3, 20, 112, 2, qkv_bias=False, normalizes=True, gelu="tanh")


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(math.prod(shape)), dtype=torch.float64)


def test_tubes_are_in_the_order_of_time_row_and_column() -> None:
    embed: Any = PatchEmbed(SPEC).double()
    torch.nn.init.constant_(embed.proj.weight, 1 / (3 * 2 * 112 * 112))  # the mean of each tube
    torch.nn.init.zeros_(embed.proj.bias)
    tubes = random(1, 2, 2, 2)  # time, row, column
    clips = (
        tubes.repeat_interleave(2, 1)
        .repeat_interleave(112, 2)
        .repeat_interleave(112, 3)[:, None]
        .expand(-1, 3, -1, -1, -1)
    )
    found = embed(clips)
    assert found.shape == (1, 8, 12) and SPEC.tubes_per_slice == 4
    torch.testing.assert_close(found[..., 0], tubes.flatten(1))


def norm(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + EPSILON).sqrt()


def rms(x: torch.Tensor) -> torch.Tensor:
    return x / (x.square().mean(-1, keepdim=True) + EPSILON).sqrt()


def test_a_block_with_layer_norms() -> None:
    torch.manual_seed(0)
    block, x = Block(SPEC).double(), random(2, 6, 12)
    q, k, v = (norm(x) @ block.attn.qkv.weight.T + block.attn.qkv.bias).chunk(3, -1)
    y = x + block.attn.proj(attend(q, k, v, 3))
    inner = norm(y) @ block.mlp.fc1.weight.T + block.mlp.fc1.bias
    expected = y + block.mlp.fc2(inner * (1 + torch.erf(inner / math.sqrt(2))) / 2)
    torch.testing.assert_close(block(x), expected)


def test_a_block_with_rms_norms_and_layer_scale() -> None:
    torch.manual_seed(0)
    block: Any = Block(RMS).double()
    x = random(2, 6, 12)
    for scale, value in ((block.ls1, 0.5), (block.ls2, 0.25)):
        torch.nn.init.constant_(scale.gamma, value)
    q, k, v = (rms(x) @ block.attn.qkv.weight.T).chunk(3, -1)
    y = x + 0.5 * block.attn.proj(attend(rms(q), rms(k), v, 3))
    inner = rms(y) @ block.mlp.fc1.weight.T + block.mlp.fc1.bias
    gelu = inner * (1 + torch.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3))) / 2
    torch.testing.assert_close(block(x), y + 0.25 * block.mlp.fc2(gelu), atol=1e-6, rtol=1e-6)  # the scale is float32
