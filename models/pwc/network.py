"""PWC-Net: flow from a feature pyramid, warping and a cost volume, refined from coarse to fine.

Sun, Yang, Liu, Kautz, "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume", CVPR 2018,
arXiv:1709.02371. The modules carry the names of the published file network-default.pytorch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.pwc.correlation import OFFSETS, correlation, warp
from models.pwc.preprocess import FLOW_UNIT_PIXELS, network_size, to_network, to_pixels
from utils.nn.flow import bytes_for_pairs

PYRAMID_CHANNELS = {1: 16, 2: 32, 3: 64, 4: 96, 5: 128, 6: 196}  # by level; level l has 1 / 2^l of the size
DENSE_CHANNELS = (128, 128, 96, 64, 32)
REFINER_LAYERS = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))  # (channels, dilation)
VOLUME_CHANNELS = OFFSETS * OFFSETS
FINEST, COARSEST = 2, 6  # levels that are decoded
BYTES_PER_PIXEL = 512  # of the stretched frame: working memory of a pair in float32, as measured on a CPU
CPU_BATCH_BYTES = 256 << 20  # what a batch may take: more pairs at once are hardly faster
NUMERALS = {1: "One", 2: "Two", 3: "Thr", 4: "Fou", 5: "Fiv", 6: "Six"}  # as the published names write them


class PWCNet(nn.Module):
    """Flow between frames of any size; a `FlowNetwork`.

    align_corners: how the warp reads its coordinates; see `warp`. Published features were made with True.
    """

    fixed_work = True
    uses_winograd = True  # 1.18 times as fast (docs/performance.md)

    def __init__(self, align_corners: bool = True) -> None:
        super().__init__()
        self.moduleExtractor = FeaturePyramid()
        for level in range(FINEST, COARSEST + 1):
            self.add_module(f"module{NUMERALS[level]}", Decoder(level, align_corners))
        self.moduleRefiner = Refiner(_stack_channels(FINEST))

    def encode(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Feature pyramid of each frame, levels 2 to 6: [n, 32, Hp / 4, Wp / 4] .. [n, 196, Hp / 64, Wp / 64].

        Hp, Wp: the sides of the frames, raised to multiples of 64.

        frames: RGB, float32 [n, 3, H, W] in 0..255.
        """
        images = to_network(frames).to(self.moduleExtractor.dtype)
        return self.moduleExtractor(images)

    def between(self, first: Sequence[Tensor], second: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Flow from each frame to its partner, float32 [n, 2, H, W], in pixels, channel 0 horizontal.

        first, second: what `encode` gave for the n pairs. size: (H, W) of the frames.
        """
        flow = stack = None
        for level in range(COARSEST, FINEST - 1, -1):
            decoder = getattr(self, f"module{NUMERALS[level]}")
            flow, stack = decoder(first[level - FINEST], second[level - FINEST], flow, stack)
        return to_pixels(flow + self.moduleRefiner(stack), size)

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """How many pairs of frames of this (H, W) fit a batch on the device of the weights; at least 1."""
        height, width = network_size(size)
        batch_bytes = bytes_for_pairs(next(self.parameters()).device, CPU_BATCH_BYTES)
        return max(1, batch_bytes // (BYTES_PER_PIXEL * height * width))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow of a batch of pairs, float32 [n, 2, H, W], in pixels.

        first, second: RGB, float32 [n, 3, H, W] in 0..255.
        """
        size = (first.shape[-2], first.shape[-1])
        return self.between(self.encode(first), self.encode(second), size)


class FeaturePyramid(nn.Module):
    """The feature pyramid: at each of six levels three convolutions, the first with stride 2."""

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for level, out_channels in PYRAMID_CHANNELS.items():
            layers = (
                *_convolution(channels, out_channels, stride=2),
                *_convolution(out_channels, out_channels),
                *_convolution(out_channels, out_channels),
            )
            self.add_module(f"module{NUMERALS[level]}", nn.Sequential(*layers))
            channels = out_channels

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights, which the images must have."""
        return next(self.parameters()).dtype

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Levels 2 to 6 of images [n, 3, Hp, Wp]; nothing uses level 1."""
        levels: list[Tensor] = []
        features = images
        for level in PYRAMID_CHANNELS:
            features = getattr(self, f"module{NUMERALS[level]}")(features)
            levels.append(features)
        return tuple(levels[FINEST - 1 :])


class Decoder(nn.Module):
    """Flow of one level from the features of both frames and the result of the next coarser level."""

    def __init__(self, level: int, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.pixels_per_unit = FLOW_UNIT_PIXELS / 2**level
        if level < COARSEST:
            self.moduleUpflow = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
            self.moduleUpfeat = nn.ConvTranspose2d(_stack_channels(level + 1), 2, 4, stride=2, padding=1)
        channels = _input_channels(level)
        for position, out_channels in enumerate(DENSE_CHANNELS, start=1):
            self.add_module(f"module{NUMERALS[position]}", nn.Sequential(*_convolution(channels, out_channels)))
            channels += out_channels
        self.moduleSix = nn.Sequential(nn.Conv2d(channels, 2, 3, padding=1))

    def forward(
        self, first: Tensor, second: Tensor, coarser_flow: Tensor | None, coarser_stack: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Flow [n, 2, h, w] in units of 20 pixels, and the stack of features that it was read from.

        first, second: features [n, C, h, w]. coarser_flow, coarser_stack: the result of the coarser level,
        None at the coarsest.
        """
        if coarser_flow is None or coarser_stack is None:
            stack = _activated(correlation(first, second))
        else:
            flow = self.moduleUpflow(coarser_flow)
            features = self.moduleUpfeat(coarser_stack)
            warped = warp(second, flow * self.pixels_per_unit, self.align_corners)
            stack = torch.cat((_activated(correlation(first, warped)), first, flow, features), dim=1)
        for position in range(1, len(DENSE_CHANNELS) + 1):
            stack = torch.cat((getattr(self, f"module{NUMERALS[position]}")(stack), stack), dim=1)
        return self.moduleSix(stack), stack


class Refiner(nn.Module):
    """Correction of the finest flow by dilated convolutions, which see far around each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for out_channels, dilation in REFINER_LAYERS:
            layers.extend(_convolution(channels, out_channels, dilation=dilation))
            channels = out_channels
        self.moduleMain = nn.Sequential(*layers, nn.Conv2d(channels, 2, 3, padding=1))

    def forward(self, stack: Tensor) -> Tensor:
        """The correction of the flow, [n, 2, h, w] in units of 20 pixels; stack: [n, 565, h, w]."""
        return self.moduleMain(stack)


def _input_channels(level: int) -> int:
    """Channels that the decoder of a level reads: cost volume, features, flow (2) and coarser features (2)."""
    return VOLUME_CHANNELS if level == COARSEST else VOLUME_CHANNELS + PYRAMID_CHANNELS[level] + 4


def _stack_channels(level: int) -> int:
    """Channels that the decoder of a level returns: its input and all that it computed."""
    return _input_channels(level) + sum(DENSE_CHANNELS)


def _convolution(channels: int, out_channels: int, stride: int = 1, dilation: int = 1) -> tuple[nn.Module, nn.Module]:
    """A 3x3 convolution that keeps the size (or divides it by the stride), and its activation."""
    convolution = nn.Conv2d(channels, out_channels, 3, stride, padding=dilation, dilation=dilation)
    return convolution, nn.LeakyReLU(0.1, inplace=True)


def _activated(volume: Tensor) -> Tensor:
    return nn.functional.leaky_relu(volume, 0.1, inplace=True)
