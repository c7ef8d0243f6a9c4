"""Vision transformers over a clip's tubes of pixels, of which VideoMAE V2 and InternVideo2 are made.

A tube is a square patch of a few frames; each becomes a token.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.attention import attend

SIDE = 224  # pixels of a frame
EPSILON = 1e-6  # of the blocks' norms


@dataclass(frozen=True)
class TransformerSpec:
    """What distinguishes one transformer from another.

    width: numbers of a token. hidden: of the MLP's inner layer.
    patch, tube_frames: pixels of a tube's side, and its frames.
    qkv_bias: whether queries, keys and values have one.
    normalizes: RMS norms in place of layer norms, also of queries and keys over all heads, and layer scale.
    gelu: "none" for the exact one, "tanh" for its approximation.
    """

    width: int
    depth: int
    n_heads: int
    hidden: int
    patch: int
    tube_frames: int
    qkv_bias: bool = True
    normalizes: bool = False
    gelu: str = "none"

    @property
    def tubes_per_slice(self) -> int:
        """Tubes that show the same frames."""
        return (SIDE // self.patch) ** 2


class PatchEmbed(nn.Module):
    """Tokens [B, N, width] of clips [B, 3, T, 224, 224], in the order of time, row, column."""

    def __init__(self, spec: TransformerSpec) -> None:
        super().__init__()
        tube = (spec.tube_frames, spec.patch, spec.patch)
        self.proj = nn.Conv3d(3, spec.width, tube, tube)

    def forward(self, clips: Tensor) -> Tensor:
        """Return the tokens."""
        return self.proj(clips).flatten(2).transpose(1, 2)


class LayerScale(nn.Module):
    """A factor for each of a token's numbers, applied in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape and type."""
        return (x.float() * self.gamma.float()).to(x.dtype)


class Attention(nn.Module):
    """Self-attention of the tokens."""

    def __init__(self, spec: TransformerSpec) -> None:
        super().__init__()
        self.n_heads = spec.n_heads
        self.qkv = nn.Linear(spec.width, 3 * spec.width, bias=spec.qkv_bias)
        self.proj = nn.Linear(spec.width, spec.width)
        self.q_norm = nn.RMSNorm(spec.width, EPSILON) if spec.normalizes else nn.Identity()
        self.k_norm = nn.RMSNorm(spec.width, EPSILON) if spec.normalizes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, width] -> the same shape."""
        queries, keys, values = self.qkv(x).chunk(3, -1)
        return self.proj(attend(self.q_norm(queries), self.k_norm(keys), values, self.n_heads))


class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, spec: TransformerSpec) -> None:
        super().__init__()
        self.fc1 = nn.Linear(spec.width, spec.hidden)
        self.fc2 = nn.Linear(spec.hidden, spec.width)
        self.gelu = spec.gelu

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, width] -> the same shape."""
        return self.fc2(F.gelu(self.fc1(x), approximate=self.gelu))


class Block(nn.Module):
    """Attention and MLP, each after a norm and added to its input."""

    def __init__(self, spec: TransformerSpec) -> None:
        super().__init__()
        norm = nn.RMSNorm if spec.normalizes else nn.LayerNorm
        self.norm1, self.norm2 = norm(spec.width, EPSILON), norm(spec.width, EPSILON)
        self.attn, self.mlp = Attention(spec), Mlp(spec)
        self.ls1 = LayerScale(spec.width) if spec.normalizes else nn.Identity()
        self.ls2 = LayerScale(spec.width) if spec.normalizes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, width] -> the same shape."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))
