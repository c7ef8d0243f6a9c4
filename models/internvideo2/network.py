"""The stage-1 video encoders of InternVideo2 (Wang et al., ECCV 2024, arXiv:2403.15377), without flash_attn."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from utils.nn.attention import attend
from utils.nn.vision_transformer import Block, PatchEmbed, TransformerSpec

N_CLASSES = 710  # Kinetics-710
N_POOLED = 768
N_POOL_HEADS = 16  # whatever the width
SMALL = TransformerSpec(384, 12, 6, 1536, patch=14, tube_frames=1, qkv_bias=False, normalizes=True)
SPECS = {
    "S14": SMALL,
    "B14": replace(SMALL, width=768, n_heads=12, hidden=3072),
    "L14": replace(SMALL, width=1024, depth=24, n_heads=16, hidden=4096),
    "1B": replace(SMALL, width=1408, depth=40, n_heads=16, hidden=6144),
}
GELUS = {"tanh": "tanh", "exact": "none"}  # --gelu → PyTorch's name


class CrossAttention(nn.Module):
    """Attention of some tokens to others."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.proj = nn.Linear(width, N_POOLED)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """[B, N, width] and twice [B, M, width] -> [B, N, 768]."""
        return self.proj(attend(self.q(queries), self.k(keys), self.v(values), N_POOL_HEADS))


class AttentionPool(nn.Module):
    """One vector of all tokens, by attention from their mean."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1_q, self.norm1_k, self.norm1_v = (nn.LayerNorm(width) for _ in range(3))
        self.cross_attn = CrossAttention(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, width] -> [B, 768]."""
        query = self.norm1_q(tokens.mean(1, keepdim=True))
        return self.cross_attn(query, self.norm1_k(tokens), self.norm1_v(tokens)).squeeze(1)


class InternVideo2(nn.Module):
    """An encoder of 24 million (S14) to 1.02 billion parameters (1B).

    n_frames: of a clip. n_classes: 0 without a classifier, as files before fine-tuning. pool: "mean" or "attention".
    """

    def __init__(self, spec: TransformerSpec, n_frames: int, n_classes: int = N_CLASSES, pool: str = "mean") -> None:
        super().__init__()
        self.pool = pool
        self.patch_embed = PatchEmbed(spec)
        self.cls_token = nn.Parameter(torch.empty(1, 1, spec.width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + n_frames * spec.tubes_per_slice, spec.width))
        self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.depth))
        self.clip_projector = AttentionPool(spec.width)
        self.fc_norm = nn.LayerNorm(N_POOLED) if n_classes else None
        self.head = nn.Linear(N_POOLED, n_classes) if n_classes else None

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features, [B, width] or [B, 768] by pool, and logits [B, n_classes], None without a classifier.

        clips: float32 [B, 3, n_frames, 224, 224], normalized RGB.
        """
        tokens = self.encode(clips)
        pooled = self.clip_projector(tokens)
        features = pooled if self.pool == "attention" else tokens[:, 1:].mean(1, dtype=torch.float32)
        return features, self.head(self.fc_norm(pooled)) if self.head and self.fc_norm else None

    def encode(self, clips: Tensor) -> Tensor:
        """Return the class token and those of all patches after the last block, [B, 1 + n_frames * 256, width]."""
        patches = self.patch_embed(clips)
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], 1) + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        return tokens
