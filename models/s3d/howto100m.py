"""S3D with gates, trained on HowTo100M with narration (Miech et al., CVPR 2020, arXiv:1912.06430).

Of antoine77340/S3D_HowTo100M, whose tensor names it has but for the last layer; the part for text is left out.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.gpu.cat import cat_channels
from utils.nn.gpu.pooling import max_pool

Size = tuple[int, int, int]  # time, height, width

N_FEATURES = 1024
N_JOINT = 512  # of the space that video and text share
MIXED = {  # channels of each block's branches: 1x1x1; then 1x1x1 and 3x3x3, twice; then 1x1x1 after a pool
    "mixed_3b": (64, 96, 128, 16, 32, 32),
    "mixed_3c": (128, 128, 192, 32, 96, 64),
    "mixed_4b": (192, 96, 208, 16, 48, 64),
    "mixed_4c": (160, 112, 224, 24, 64, 64),
    "mixed_4d": (128, 128, 256, 24, 64, 64),
    "mixed_4e": (112, 144, 288, 32, 64, 64),
    "mixed_4f": (256, 160, 320, 32, 128, 128),
    "mixed_5b": (256, 160, 320, 32, 128, 128),
    "mixed_5c": (384, 192, 384, 48, 128, 128),
}
POOLS: dict[str, Size] = {"mixed_3b": (1, 3, 3), "mixed_4b": (3, 3, 3), "mixed_5b": (2, 2, 2)}  # before the block


class Convolution(nn.Module):
    """A convolution padded by half its kernel, batch norm and ReLU; a separable one is 1x3x3, then 3x1x1."""

    def __init__(self, n_in: int, n_out: int, kernel: Size = (1, 1, 1), separable: bool = False) -> None:
        super().__init__()
        kernel = (1, 3, 3) if separable else kernel
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv1 = nn.Conv3d(n_in, n_out, kernel, padding=padding, bias=False)
        self.bn1 = nn.BatchNorm3d(n_out)
        self.separable = separable
        if separable:
            self.conv2 = nn.Conv3d(n_out, n_out, (3, 1, 1), padding=(1, 0, 0), bias=False)
            self.bn2 = nn.BatchNorm3d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, T, H, W] -> [B, n_out, T, H, W]; an even kernel adds one."""
        x = F.relu_(self.bn1(self.conv1(x)))
        return F.relu_(self.bn2(self.conv2(x))) if self.separable else x


class Gate(nn.Module):
    """Multiplies each channel by a weight that the means of all channels decide."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(n_channels, n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W] -> the same shape."""
        return x * self.fc(x.mean((2, 3, 4))).sigmoid()[:, :, None, None, None]


class Mixed(nn.Module):
    """Four branches, each with a gate, side by side."""

    def __init__(self, n_in: int, widths: Sequence[int]) -> None:
        super().__init__()
        b0, b1_a, b1_b, b2_a, b2_b, b3 = widths
        self.conv_b0, self.gating_b0 = Convolution(n_in, b0), Gate(b0)
        self.conv_b1_a, self.conv_b1_b = Convolution(n_in, b1_a), Convolution(b1_a, b1_b, separable=True)
        self.conv_b2_a, self.conv_b2_b = Convolution(n_in, b2_a), Convolution(b2_a, b2_b, separable=True)
        self.conv_b3_b, self.gating_b3 = Convolution(n_in, b3), Gate(b3)
        self.gating_b1, self.gating_b2 = Gate(b1_b), Gate(b2_b)

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, T, H, W] -> [B, sum of the branches, T, H, W]."""
        branches = (
            self.gating_b0(self.conv_b0(x)),
            self.gating_b1(self.conv_b1_b(self.conv_b1_a(x))),
            self.gating_b2(self.conv_b2_b(self.conv_b2_a(x))),
            self.gating_b3(self.conv_b3_b(max_pool(x, 3, 1, 1))),
        )
        return cat_channels(branches)


class HowTo100MS3D(nn.Module):
    """The network of 9.7 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Convolution(24, 64, (2, 4, 4))
        self.conv_2b, self.conv_2c = Convolution(64, 64), Convolution(64, 192, separable=True)
        self.gating = Gate(192)
        n_in = 192
        for name, widths in MIXED.items():
            self.add_module(name, Mixed(n_in, widths))
            n_in = widths[0] + widths[2] + widths[4] + widths[5]
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.classifier = nn.Linear(N_FEATURES, N_JOINT)

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, 1024], and their place in the space shared with text, [B, 512].

        clips: float32 [B, 3, T, H, W] in 0..1; T, H and W even, trained with 32, 200 and 200.
        """
        x = self.conv1(_space_to_depth(clips))[:, :, 1:, 1:, 1:]
        x = self.gating(self.conv_2c(self.conv_2b(_pool(x, (1, 3, 3)))))
        for name in MIXED:
            x = self.get_submodule(name)(_pool(x, POOLS[name]) if name in POOLS else x)
        features = self.avgpool(x).flatten(1)
        return features, self.classifier(features)


def _space_to_depth(clips: Tensor) -> Tensor:
    """[B, 3, T, H, W] -> [B, 24, T / 2, H / 2, W / 2]: eight neighbours become channels, before the colours."""
    cubes = clips.unflatten(4, (-1, 2)).unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    return cubes.permute(0, 3, 5, 7, 1, 2, 4, 6).flatten(1, 4)


def _pool(x: Tensor, kernel: Size) -> Tensor:
    """Return the maxima of windows two steps apart, in time only for a kernel that spans it; padded at the ends."""
    time, height, width = kernel
    padded = F.pad(x, (0, width - 2, 0, height - 2, 0, max(time - 2, 0)))
    return F.max_pool3d(padded, kernel, (min(time, 2), 2, 2), ceil_mode=True)
