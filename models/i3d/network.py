"""I3D: the image network Inception-v1 inflated to three dimensions (arXiv:1705.07750)."""

from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.i3d.config import CROP_SIDE, FEWEST_FRAMES
from utils.nn.cpu.convolution import convolve
from utils.nn.cpu.pooling import max_pool
from utils.nn.gpu import stem
from utils.nn.gpu.cat import cat_channels
from utils.nn.gpu.convolution import convolve_in_blocks
from utils.nn.gpu.pooling import max_pool_uneven

Padding = Literal["video_features", "tensorflow"]
Size = tuple[int, int, int]  # time, height, width

N_FEATURES = 1024

# Branch widths of the inception blocks (table 1 of Inception-v1, arXiv:1409.4842):
# 1x1x1, (1x1x1, 3x3x3), (1x1x1, 3x3x3), pool + 1x1x1.
BLOCKS: dict[str, tuple[int, tuple[int, int], tuple[int, int], int]] = {
    "mixed_3b": (64, (96, 128), (16, 32), 32),
    "mixed_3c": (128, (128, 192), (32, 96), 64),
    "mixed_4b": (192, (96, 208), (16, 48), 64),
    "mixed_4c": (160, (112, 224), (24, 64), 64),
    "mixed_4d": (128, (128, 256), (24, 64), 64),
    "mixed_4e": (112, (144, 288), (32, 64), 64),
    "mixed_4f": (256, (160, 320), (32, 128), 128),
    "mixed_5b": (256, (160, 320), (32, 128), 128),
    "mixed_5c": (384, (192, 384), (48, 128), 128),
}


def zeros_around(length: int, kernel: int, stride: int, padding: Padding) -> tuple[int, int]:
    """Return how many zeros a layer pads before and after a dimension of `length` values.

    "tensorflow" is its SAME rule, which depends on the length; "video_features" always pads kernel - stride. The two
    agree where the stride divides the length.
    """
    if padding == "tensorflow":
        n_outputs = -(-length // stride)
        total = max((n_outputs - 1) * stride + kernel - length, 0)
    else:
        total = max(kernel - stride, 0)
    return total // 2, total - total // 2


class Unit3D(nn.Module):
    """Convolution without bias, batch norm, ReLU; or convolution with the batch norm fused, ReLU."""

    def __init__(self, n_in: int, n_out: int, kernel: Size, stride: Size, *, bn_eps: float, padding: Padding) -> None:
        super().__init__()
        self.padding: Padding = padding
        self.conv3d = nn.Conv3d(n_in, n_out, kernel, stride, bias=False)
        self.batch3d = nn.BatchNorm3d(n_out, eps=bn_eps)

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, T, H, W] -> [B, n_out, T', H', W'], at least 0."""
        kernel, stride = self.conv3d.kernel_size, self.conv3d.stride
        pads = [zeros_around(*sizes, self.padding) for sizes in zip(x.shape[2:], kernel, stride, strict=True)]
        is_fused, weight, bias = isinstance(self.batch3d, nn.Identity), self.conv3d.weight, self.conv3d.bias
        slope = 0.0 if is_fused else None
        if stem.fits(x, weight, stride):
            x = convolve_in_blocks(x, weight, bias, stride, pads, slope)
        else:
            x, even = _pad_uneven(x, pads)
            x = convolve(x, weight, bias, stride, even, slope=slope, use_winograd=True)
        return x if is_fused else F.relu(self.batch3d(x), inplace=True)


class Pool(nn.Module):
    """Max pool of values that are at least 0 (after a ReLU), so that zero padding changes nothing."""

    def __init__(self, kernel: Size, stride: Size, padding: Padding) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.padding: Padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W] -> [B, C, T', H', W']."""
        zeros: list[tuple[int, int]] = []
        for length, kernel, stride in zip(x.shape[2:], self.kernel, self.stride, strict=True):
            before, after = zeros_around(length, kernel, stride, self.padding)
            overhang = -(length + before + after - kernel) % stride  # the last window may pass the end
            zeros.append((before, after + overhang))
        if x.device.type == "cpu":
            return max_pool(x, self.kernel, self.stride, zeros)
        y = max_pool_uneven(x, self.kernel, self.stride, zeros)
        if y is not None:
            return y
        x, even = _pad_uneven(x, zeros)
        return F.max_pool3d(x, self.kernel, self.stride, even)


def _pad_uneven(x: Tensor, pads: list[tuple[int, int]]) -> tuple[Tensor, tuple[int, ...]]:
    """Pad the dimensions whose two ends differ; return x, and the padding of the others for the layer to apply."""
    even = tuple(before if before == after else 0 for before, after in pads)
    uneven = [(0, 0) if before == after else (before, after) for before, after in pads]
    if any(after for _, after in uneven):  # this copies x
        x = F.pad(x, [zeros for ends in reversed(uneven) for zeros in ends])
    return x, even


class Inception(nn.Module):
    """Four branches, concatenated over channels."""

    def __init__(self, n_in: int, name: str, *, bn_eps: float, padding: Padding) -> None:
        super().__init__()
        b0, b1, b2, b3 = BLOCKS[name]

        def unit(n_in: int, n_out: int, kernel: int) -> Unit3D:
            return Unit3D(n_in, n_out, (kernel, kernel, kernel), (1, 1, 1), bn_eps=bn_eps, padding=padding)

        self.branch_0 = unit(n_in, b0, 1)
        self.branch_1 = nn.Sequential(unit(n_in, b1[0], 1), unit(*b1, 3))
        self.branch_2 = nn.Sequential(unit(n_in, b2[0], 1), unit(*b2, 3))
        self.branch_3 = nn.Sequential(Pool((3, 3, 3), (1, 1, 1), padding), unit(n_in, b3, 1))
        self.n_out = b0 + b1[1] + b2[1] + b3

    def forward(self, x: Tensor) -> Tensor:
        """[B, n_in, T, H, W] -> [B, n_out, T, H, W]."""
        return cat_channels([self.branch_0(x), self.branch_1(x), self.branch_2(x), self.branch_3(x)])


class Classifier(nn.Module):
    """The 1x1x1 convolution from features to class scores."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(N_FEATURES, num_classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[B, 1024] -> logits [B, num_classes]."""
        return self.conv3d(features[:, :, None, None, None]).flatten(1)


class I3D(nn.Module):
    """One stream of I3D; its tensors have the names of the published files.

    in_channels: 3 for rgb, 2 for flow.
    bn_eps: 1e-5 as in video_features, or 1e-3 as in the training with TensorFlow; the features differ by 1 %.
    padding: see `zeros_around`; the two are equal where 8 divides the number of frames.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int = 400,
        bn_eps: float = 1e-5,
        padding: Padding = "video_features",
    ) -> None:
        super().__init__()
        unit = partial(Unit3D, bn_eps=bn_eps, padding=padding)
        self.conv3d_1a_7x7 = unit(in_channels, 64, (7, 7, 7), (2, 2, 2))
        self.pool_2a = Pool((1, 3, 3), (1, 2, 2), padding)
        self.conv3d_2b_1x1 = unit(64, 64, (1, 1, 1), (1, 1, 1))
        self.conv3d_2c_3x3 = unit(64, 192, (3, 3, 3), (1, 1, 1))
        n_channels = 192
        pools = {
            "mixed_3b": ("pool_3a", Pool((1, 3, 3), (1, 2, 2), padding)),
            "mixed_4b": ("pool_4a", Pool((3, 3, 3), (2, 2, 2), padding)),
            "mixed_5b": ("pool_5a", Pool((2, 2, 2), (2, 2, 2), padding)),
        }
        for name in BLOCKS:
            if name in pools:
                self.add_module(*pools[name])
            block = Inception(n_channels, name, bn_eps=bn_eps, padding=padding)
            self.add_module(name, block)
            n_channels = block.n_out
        self.conv3d_0c_1x1 = Classifier(num_classes)

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [B, 1024] and the logits of the classes [B, num_classes], before any softmax.

        clips: float32 [B, in_channels, T, 224, 224], about -1 to 1, T at least 10, in any memory format.

        Raises:
            ValueError: the clips are too short or not 224x224.
        """
        if clips.shape[2] < FEWEST_FRAMES or clips.shape[3:] != (CROP_SIDE, CROP_SIDE):
            wanted = f"[B, C, T, {CROP_SIDE}, {CROP_SIDE}] with T at least {FEWEST_FRAMES}"
            raise ValueError(f"I3D takes {wanted}, not {list(clips.shape)}")
        *trunk, classifier = self.children()
        x = clips
        for layer in trunk:
            x = layer(x)
        # a 2x7x7 average pool of stride 1, then the mean over time: the first and last time step have half the weight
        positions = x.mean((3, 4), dtype=torch.promote_types(x.dtype, torch.float32)).unbind(2)
        features = torch.stack([(a + b) / 2 for a, b in pairwise(positions)]).mean(0)
        return features, classifier(features)
