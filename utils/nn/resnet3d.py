"""A ResNet-50 over time and space, of which SlowFast, SlowOnly and I3D-R50 are made.

SlowFast and SlowOnly: Feichtenhofer et al., arXiv:1812.03982. Inflation of an image network: Carreira and
Zisserman, arXiv:1705.07750. Non-local modules: Wang et al., arXiv:1711.07971.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from utils.nn.cpu.residual import add_and_relu
from utils.nn.gpu.pooling import max_pool

Size = tuple[int, int, int]  # time, height, width

BLOCKS = (3, 4, 6, 3)  # of each of the four stages of a ResNet-50
EXPANSION = 4  # channels that a block gives, in multiples of its width
NOWHERE: tuple[tuple[int, ...], ...] = ((), (), (), ())
EVERYWHERE = tuple(tuple(range(n)) for n in BLOCKS)


@dataclass(frozen=True)
class ResNet3DSpec:
    """What distinguishes one ResNet-3D from another.

    blocks: in each of the four stages.
    width: channels of the stem, and of the inner convolutions of the first stage.
    stem_time: kernel of the stem along time.
    stem_stride, pool_stride: strides along time of the stem and of the max pool after it.
    pool_kernel, pool_padding: of that pool.
    inflated: the blocks of each stage whose first convolution spans three frames.
    non_local: the blocks of each stage that a non-local module follows.
    extra: channels that are concatenated to the input of each stage (SlowFast's fusion).
    pool_time: halve the number of frames after the first stage.
    """

    blocks: Sequence[int] = BLOCKS
    width: int = 64
    stem_time: int = 1
    stem_stride: int = 1
    pool_stride: int = 1
    pool_kernel: Size = (1, 3, 3)
    pool_padding: Size = (0, 1, 1)
    inflated: Sequence[Sequence[int]] = NOWHERE
    non_local: Sequence[Sequence[int]] = NOWHERE
    extra: Sequence[int] = (0, 0, 0, 0)
    pool_time: bool = False

    def channels(self, stage: int) -> int:
        """Return how many channels a stage, 0 to 3, gives."""
        return self.width * 2**stage * EXPANSION


class ConvNorm(nn.Sequential):
    """Convolution without bias, padded by half its kernel, batch norm, and a ReLU if wanted."""

    def __init__(
        self, n_in: int, n_out: int, kernel: Size = (1, 1, 1), stride: Size = (1, 1, 1), relu: bool = False
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv = nn.Conv3d(n_in, n_out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm3d(n_out)
        if relu:
            self.relu = nn.ReLU(inplace=True)


class NonLocal(nn.Module):
    """Adds to each position a sum over all positions, weighted by dot products without a softmax."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        inner = n_channels // 2
        self.theta = nn.Conv3d(n_channels, inner, 1)
        self.phi = nn.Conv3d(n_channels, inner, 1)
        self.g = nn.Conv3d(n_channels, inner, 1)
        self.conv_out = ConvNorm(inner, n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W] -> the same shape. The sum runs over every second row and column (max pooled)."""
        theta = self.theta(x)
        phi, g = (max_pool(conv(x), (1, 2, 2), (1, 2, 2)).flatten(2) for conv in (self.phi, self.g))  # [B, C/2, J]
        # (theta' phi) g' / J for all pairs of positions, regrouped: the matrix in memory is C/2 x C/2, not J x J
        weights = g @ (phi / phi.shape[2]).transpose(1, 2)
        y = (weights @ theta.flatten(2)).view_as(theta)
        return x + self.conv_out(y)


class Bottleneck(nn.Module):
    """Three convolutions and a shortcut: 1x1x1 or 3x1x1, then 1x3x3 with the stride, then 1x1x1."""

    def __init__(self, n_in: int, width: int, stride: int, inflated: bool, non_local: bool) -> None:
        super().__init__()
        n_out = width * EXPANSION
        spatial = (1, stride, stride)
        self.conv1 = ConvNorm(n_in, width, (3, 1, 1) if inflated else (1, 1, 1), relu=True)
        self.conv2 = ConvNorm(width, width, (1, 3, 3), spatial, relu=True)
        self.conv3 = ConvNorm(width, n_out)
        changes = n_in != n_out or stride != 1
        self.downsample = ConvNorm(n_in, n_out, stride=spatial) if changes else None
        self.non_local = NonLocal(n_out) if non_local else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, T, H, W] -> [B, 4 * width, T, H / stride, W / stride], rounded up."""
        shortcut = self.downsample(x) if self.downsample else x
        y = add_and_relu(self.conv3, self.conv2(self.conv1(x)), shortcut)
        return self.non_local(y) if self.non_local else y


class ResNet3D(nn.Module):
    """The network up to its last feature map; the stem and the stages can be run one by one."""

    def __init__(self, spec: ResNet3DSpec) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, spec.width, (spec.stem_time, 7, 7), (spec.stem_stride, 2, 2), relu=True)
        self._pool = (spec.pool_kernel, (spec.pool_stride, 2, 2), spec.pool_padding)
        self._pool_time = spec.pool_time
        self.layer1, self.layer2, self.layer3, self.layer4 = (_stage(spec, stage) for stage in range(4))

    @property
    def stages(self) -> list[nn.Sequential]:
        """The four stages in order."""
        return [self.layer1, self.layer2, self.layer3, self.layer4]

    def stem(self, x: Tensor) -> Tensor:
        """[B, 3, T, H, W] -> [B, width, T', H / 4, W / 4], rounded up if the pool pads."""
        return max_pool(self.conv1(x), *self._pool)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, T, H, W] -> [B, 32 * width, T', H / 32, W / 32], rounded up; the values are at least 0."""
        x = self.layer1(self.stem(x))
        if self._pool_time:
            x = max_pool(x, (2, 1, 1), (2, 1, 1))
        return self.layer4(self.layer3(self.layer2(x)))


def _stage(spec: ResNet3DSpec, stage: int) -> nn.Sequential:
    n_in = (spec.channels(stage - 1) if stage else spec.width) + spec.extra[stage]
    blocks: list[Bottleneck] = []
    for block in range(spec.blocks[stage]):
        stride = 2 if block == 0 and stage > 0 else 1
        inflated, non_local = block in spec.inflated[stage], block in spec.non_local[stage]
        blocks.append(Bottleneck(n_in, spec.width * 2**stage, stride, inflated, non_local))
        n_in = spec.channels(stage)
    return nn.Sequential(*blocks)


class Classifier3D(nn.Module):
    """A ResNet-3D, the mean over its last feature map, and a linear classifier: SlowOnly and I3D-R50."""

    def __init__(self, spec: ResNet3DSpec, n_classes: int) -> None:
        super().__init__()
        self.backbone = ResNet3D(spec)
        self.classifier = nn.Linear(spec.channels(3), n_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, 2048] and logits [B, classes] of clips [B, 3, T, H, W], normalized RGB."""
        features = self.backbone(x).mean((2, 3, 4), dtype=torch.float32)
        return features, self.classifier(features)
