"""RAFT (large): flow by repeated look-ups in the correlation of all pairs of positions.

Teed, Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020, arXiv:2003.12039. The layers are
torchvision's. The order of computation is ours: each frame is encoded once, and the flow is upsampled once.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.raft.correlation import CorrelationPyramid, pixel_grid
from models.raft.preprocess import MULTIPLE, check_size, padded_size, to_network
from models.raft.update import GatedUnit
from utils.nn.flow import bytes_for_pairs
from utils.nn.lean_torchvision import torchvision

ITERATIONS = 20  # of the authors' demonstration and of published features; their signature and torchvision's say 12

# Working memory of a pair of frames in float32: the encoders and the update as measured on a CPU; the correlation.
BYTES_PER_PIXEL = 640
BYTES_PER_PAIR_OF_POSITIONS = 4 * 4 / 3
CPU_BATCH_BYTES = 384 << 20  # what a batch may take: more pairs at once are hardly faster


class RAFT(nn.Module):
    """Flow between frames; a `FlowNetwork`. Its tensors have torchvision's names.

    iterations: updates of the flow. More take longer and converge further.
    """

    fixed_work = True

    def __init__(self, iterations: int = ITERATIONS) -> None:
        super().__init__()
        layers = torchvision.models.optical_flow.raft_large(weights=None, progress=False)
        assert layers.mask_predictor is not None  # only raft_small has none
        self.iterations = iterations
        self.feature_encoder = layers.feature_encoder
        self.context_encoder = layers.context_encoder
        self.update_block = layers.update_block
        self.mask_predictor = layers.mask_predictor

    def encode(self, frames: Tensor) -> tuple[Tensor, ...]:
        """What is computed per frame: features [n, 256, h, w], first state and context, both [n, 128, h, w].

        h, w: 1/8 of the sides of the frames, raised to multiples of 8.

        frames: RGB, float32 [n, 3, H, W] in 0..255.

        Raises:
            VideoError: a side is below 121 pixels.
        """
        check_size((frames.shape[-2], frames.shape[-1]))
        images = to_network(frames).to(self.mask_predictor.conv.weight.dtype)
        state, context = self.context_encoder(images).chunk(2, dim=1)
        return self.feature_encoder(images), torch.tanh(state), torch.relu(context)

    def between(self, first: Sequence[Tensor], second: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Flow from each frame to its partner, float32 [n, 2, Hp, Wp], in pixels, channel 0 horizontal.

        Hp, Wp: the sides of the frames, raised to multiples of 8; `unpad` removes the padding.

        first, second: what `encode` returned for the n pairs. size: (H, W) of the frames, which RAFT does not use.
        """
        features, state, context = first
        correlation = CorrelationPyramid(features, second[0])
        block = self.update_block
        units = [GatedUnit(unit, context) for unit in (block.recurrent_block.convgru1, block.recurrent_block.convgru2)]
        start = pixel_grid(features)
        flow = torch.zeros_like(start).repeat(features.shape[0], 1, 1, 1)
        for _ in range(self.iterations):
            found = correlation.around(start + flow)
            motion = block.motion_encoder(flow.to(state.dtype), found.to(state.dtype))
            for unit in units:
                state = unit(state, motion)
            flow = flow + block.flow_head(state).float()
        return upsampled(flow, self.mask_predictor(state).float())

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """How many pairs of frames of this (H, W) fit a batch on the device of the weights; at least 1."""
        height, width = padded_size(size)
        positions = height // MULTIPLE * (width // MULTIPLE)
        pair_bytes = BYTES_PER_PIXEL * height * width + BYTES_PER_PAIR_OF_POSITIONS * positions**2
        batch_bytes = bytes_for_pairs(next(self.parameters()).device, CPU_BATCH_BYTES)
        return max(1, int(batch_bytes // pair_bytes))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow of a batch of pairs, float32 [n, 2, Hp, Wp], in pixels; see `between` for its size.

        first, second: RGB, float32 [n, 3, H, W] in 0..255.

        Raises:
            VideoError: a side is below 121 pixels.
        """
        size = (first.shape[-2], first.shape[-1])
        return self.between(self.encode(first), self.encode(second), size)


def upsampled(flow: Tensor, mask: Tensor) -> Tensor:
    """Flow at 8 times the size, [n, 2, 8 * h, 8 * w]: each pixel is a weighted mean of 3x3 coarse ones.

    Paper, section 3.3, "upsampling".

    flow: in pixels of 1/8 size, float32 [n, 2, h, w]. mask: logits of the weights, float32 [n, 9 * 64, h, w].
    """
    n, _, height, width = flow.shape
    weights = mask.view(n, 1, 9, MULTIPLE, MULTIPLE, height, width).softmax(dim=2)
    neighbours = functional.unfold(MULTIPLE * flow, kernel_size=3, padding=1).view(n, 2, 9, 1, 1, height, width)
    fine = (weights * neighbours).sum(dim=2)  # [n, 2, 8 rows, 8 columns, h, w]
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(n, 2, MULTIPLE * height, MULTIPLE * width)
