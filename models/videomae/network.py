"""The vision transformers of VideoMAE V2 (Wang et al., CVPR 2023, arXiv:2303.16727)."""

import numpy as np
import torch
from torch import Tensor, nn

from models.videomae.config import STACK_FRAMES
from utils.nn.vision_transformer import EPSILON, Block, PatchEmbed, TransformerSpec

N_CLASSES = 710  # Kinetics-710
SPECS = {
    "vit_small_patch16_224": TransformerSpec(384, 12, 6, 1536, patch=16, tube_frames=2),
    "vit_base_patch16_224": TransformerSpec(768, 12, 12, 3072, patch=16, tube_frames=2),
    "vit_giant_patch14_224": TransformerSpec(1408, 40, 16, 6144, patch=14, tube_frames=2),
}


class VideoMAE(nn.Module):
    """A network of 22 million (small) to 1.01 billion parameters (giant); its tensors have the published names."""

    positions: Tensor  # not in the files

    def __init__(self, spec: TransformerSpec, n_classes: int = N_CLASSES) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(spec)
        self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.depth))
        self.fc_norm = nn.LayerNorm(spec.width, EPSILON)
        self.head = nn.Linear(spec.width, n_classes)
        n_tokens = STACK_FRAMES // spec.tube_frames * spec.tubes_per_slice
        self.register_buffer("positions", position_table(n_tokens, spec.width), persistent=False)

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, width] and the logits of the classes [B, n_classes], before any softmax.

        clips: float32 [B, 3, 16, 224, 224] in 0..1.
        """
        tokens = self.patch_embed(clips) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        features = self.fc_norm(tokens.mean(1, dtype=torch.float32))
        return features, self.head(features)


def position_table(n_tokens: int, width: int) -> Tensor:
    """Return sines (even columns) and cosines (odd) of each token's number at falling rates, float32 [n, width]."""
    columns = np.arange(width)
    angles = np.arange(n_tokens)[:, None] / np.power(10000, 2 * (columns // 2) / width)
    return torch.from_numpy(np.where(columns % 2, np.cos(angles), np.sin(angles)).astype(np.float32))
