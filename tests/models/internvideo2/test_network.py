"""The golden cases of the network are in test_weights.py, through a checkpoint; here its pools, written out."""

import torch
from torch.nn import functional as F

from models.internvideo2.network import N_POOLED, AttentionPool, InternVideo2
from utils.nn.vision_transformer import TransformerSpec

TINY = TransformerSpec(
    width=32, depth=1, n_heads=2, hidden=16, patch=112, tube_frames=1, qkv_bias=False, normalizes=True
)


def test_attention_from_the_mean_token() -> None:
    torch.manual_seed(0)
    pool, tokens = AttentionPool(32).double(), torch.randn(2, 5, 32, dtype=torch.float64)
    cross = pool.cross_attn
    query = cross.q(F.layer_norm(tokens.mean(1), (32,), pool.norm1_q.weight, pool.norm1_q.bias)).view(2, 16, 2)
    keys, values = (cross.k(pool.norm1_k(tokens)).view(2, 5, 16, 2), cross.v(pool.norm1_v(tokens)).view(2, 5, 16, 2))
    weights = torch.einsum("bhd,bnhd->bhn", query, keys).div(2**0.5).softmax(-1)
    expected = cross.proj(torch.einsum("bhn,bnhd->bhd", weights, values).flatten(1))
    torch.testing.assert_close(pool(tokens), expected)


def test_rows_are_the_mean_of_patches_or_the_pooled_vector() -> None:
    torch.manual_seed(0)
    clips = torch.randn(2, 3, 2, 224, 224)
    for pool, n_classes in (("mean", 5), ("attention", 0)):
        network = InternVideo2(TINY, 2, n_classes, pool).requires_grad_(False)
        for parameter in (network.cls_token, network.pos_embed):
            torch.nn.init.normal_(parameter)
        tokens = network.encode(clips)
        features, logits = network(clips)
        assert tokens.shape == (2, 1 + 2 * 4, 32)
        pooled = network.clip_projector(tokens)
        torch.testing.assert_close(features, tokens[:, 1:].mean(1) if pool == "mean" else pooled)
        assert (logits is None) == (n_classes == 0)
        if network.head is not None:
            torch.testing.assert_close(logits, network.head(F.layer_norm(pooled, (N_POOLED,))))
