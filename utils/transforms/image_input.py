"""The input of an image model: a frame resized, cropped or padded, and normalized, as Pillow and torchvision do it."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.transforms.fast import Resize
from utils.transforms.floats import normalize
from utils.transforms.geometry import Region, shorter_side
from utils.transforms.pillow import Filter, resize_pillow

Fit = Literal["shortest", "longest", "squash", "none"]
Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ImageInput:
    """The evaluation transform that belongs to the weights of an image model.

    size: (h, w) of the network's input, in pixels.
    resize: (h, w) that frames are resized to before the crop. fit: "shortest" covers it and "longest" stays within it,
        keeping the aspect ratio; "squash" does not keep it; "none" does not resize.
    low: whether half of an odd margin is rounded down, as HERO_Video_Feature_Extractor and FrozenBiLM crop.
    fill: colour of the padding where a resized frame is smaller than the input.
    mean, std: of each channel, for values in 0..1.
    """

    size: tuple[int, int]
    resize: tuple[int, int]
    fit: Fit = "shortest"
    filter: Filter = "bilinear"
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    fill: tuple[int, int, int] = (0, 0, 0)
    low: bool = False

    def crops(self, frames: Tensor, resize: Resize = resize_pillow) -> Tensor:
        """Return frames as the network sees them, before the normalization, uint8 [n, h, w, 3].

        frames: uint8 RGB [n, H, W, 3], on any device. resize: one of `RESIZE_BY_DECODE`.
        """
        resized = self.resized_size(frames.shape[1], frames.shape[2])
        crop = resize(frames, resized, self.filter, middle(resized, self.size, self.low))
        return pad(crop, self.size, self.fill).contiguous()

    def whole(self, frames: Tensor, resize: Resize = resize_pillow) -> Tensor:
        """Return frames before the crop, uint8 [n, H, W, 3], padded where they are smaller than the network's input."""
        resized = self.resized_size(frames.shape[1], frames.shape[2])
        height, width = (max(sides) for sides in zip(resized, self.size, strict=True))
        return pad(resize(frames, resized, self.filter, None), (height, width), self.fill)

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Return (h, w) of a frame after the resize, rounded as torchvision does for squares and timm for the rest."""
        wanted = self.resize
        if self.fit == "none":
            return height, width
        if self.fit == "squash":
            return wanted
        if self.fit == "shortest" and wanted[0] == wanted[1]:
            return shorter_side(height, width, wanted[0])
        ratios = (height / wanted[0], width / wanted[1])
        ratio = max(ratios) if self.fit == "longest" else min(ratios)
        return max(round(height / ratio), 1), max(round(width / ratio), 1)

    def normalized(self, crops: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the network's input, [n, 3, h, w], channels last. crops: uint8 [n, h, w, 3]."""
        return normalize(crops, self.mean, self.std, 255.0, dtype).permute(0, 3, 1, 2)


def middle(resized: tuple[int, int], size: tuple[int, int], low: bool = False) -> Region:
    """Return the middle (h, w) of a frame of (H, W), or all of a side that is not longer.

    An odd margin is split as torchvision's CenterCrop does: round((H - h) / 2), halves to even. low: always down.
    """
    height, width = (min(sides) for sides in zip(resized, size, strict=True))
    half = int if low else round
    return Region(half((resized[0] - height) / 2), half((resized[1] - width) / 2), height, width)


def pad(frames: Tensor, size: tuple[int, int], fill: tuple[int, int, int] = (0, 0, 0)) -> Tensor:
    """Return frames padded to a size with `fill`, uint8 [n, H, W, 3] -> [n, h, w, 3]; an odd pixel goes to the end."""
    missing = [size[i] - frames.shape[i + 1] for i in (0, 1)]
    if not any(missing):
        return frames
    top, left = missing[0] // 2, missing[1] // 2
    around = (left, missing[1] - left, top, missing[0] - top)
    return torch.stack([F.pad(frames[..., c], around, value=colour) for c, colour in enumerate(fill)], dim=-1)
