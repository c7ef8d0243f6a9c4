"""Views of a clip: the crops that published tools take of the resized frames, as a network's input.

Sources: CenterCrop, ThreeCrop and TenCrop of mmaction2 (https://github.com/open-mmlab/mmaction2); center_crop,
five_crop and ten_crop of torchvision (https://github.com/pytorch/vision); oversample_data of
https://github.com/GowthamGottimukkala/I3D_Feature_Extraction_resnet; the answers of the authors of XD-Violence
(https://github.com/Roc-Ng/XDVioDet/issues/5) and VadCLIP (https://github.com/nwpu-zxr/VadCLIP/issues/2).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.transforms.floats import normalize
from utils.transforms.geometry import center_crop_box, height_dim

MEAN = (123.675, 116.28, 103.53)  # of ImageNet, RGB in 0..255; in 0..1 it is 0.485, 0.456, 0.406
STD = (58.395, 57.12, 57.375)


class Box(NamedTuple):
    """A square crop by its upper left corner in pixels; a mirrored one is flipped after the crop."""

    top: int
    left: int
    mirrored: bool = False


def center(height: int, width: int, side: int) -> list[Box]:
    """Return mmaction2's middle square: an odd margin is smaller at the top and the left."""
    return [Box(*center_crop_box(height, width, side))]


def center_to_even(height: int, width: int, side: int) -> list[Box]:
    """Return torchvision's middle square: half of an odd margin is rounded to even."""
    return [Box(round((height - side) / 2), round((width - side) / 2))]


def three(height: int, width: int, side: int) -> list[Box]:
    """Return mmaction2's three squares along the longer side (first, last, middle), centred on the shorter one.

    With an odd margin the last square is a pixel away from the edge. mmaction2 only takes squares whose side is the
    frame's shorter one.
    """
    top, left = center_crop_box(height, width, side)
    if width >= height:
        return [Box(top, 0), Box(top, 2 * left), Box(top, left)]
    return [Box(0, left), Box(2 * top, left), Box(top, left)]


def five(height: int, width: int, side: int) -> list[Box]:
    """Return torchvision's five squares: upper left, upper right, lower left, lower right, middle."""
    bottom, right = height - side, width - side
    return [Box(0, 0), Box(0, right), Box(bottom, 0), Box(bottom, right), *center_to_even(height, width, side)]


def ten(height: int, width: int, side: int) -> list[Box]:
    """Return torchvision's ten squares: those of `five`, then those of `five` in the mirror image of the frame."""
    return _with_mirrored(five(height, width, side), width, side)


def five_middle_third(height: int, width: int, side: int) -> list[Box]:
    """Return the squares of `five` in the order upper left, upper right, middle, lower left, lower right."""
    upper_left, upper_right, lower_left, lower_right, middle = five(height, width, side)
    return [upper_left, upper_right, middle, lower_left, lower_right]


def ten_middle_third(height: int, width: int, side: int) -> list[Box]:
    """Return the squares of `five_middle_third`, then the same in the mirror image of the frame."""
    return _with_mirrored(five_middle_third(height, width, side), width, side)


def five_middle_first(height: int, width: int, side: int) -> list[Box]:
    """Return the squares of `five` in the order middle, upper left, upper right, lower left, lower right."""
    *corners, middle = five(height, width, side)
    return [middle, *corners]


def ten_middle_first(height: int, width: int, side: int) -> list[Box]:
    """Return the squares of `five_middle_first`, then each of them mirrored, as VadCLIP's src/crop.py (c41067f)."""
    boxes = five_middle_first(height, width, side)
    return boxes + [Box(box.top, box.left, mirrored=True) for box in boxes]


def _with_mirrored(boxes: list[Box], width: int, side: int) -> list[Box]:
    return boxes + [Box(box.top, width - side - box.left, mirrored=True) for box in boxes]


def ten_in_steps(height: int, width: int, side: int) -> list[Box]:
    """Return mmaction2's ten squares: those of `five`, each followed by its own mirror image.

    They start 0, 2 or 4 quarters of the margin from the edges. A quarter is rounded down to whole pixels, so the far
    ones may be up to 3 pixels away from the edge.
    """
    down, across = (height - side) // 4, (width - side) // 4
    steps = ((0, 0), (0, 4), (4, 0), (4, 4), (2, 2))
    return [Box(y * down, x * across, mirrored) for y, x in steps for mirrored in (False, True)]


Rule = Callable[[int, int, int], list[Box]]
MMACTION2: dict[str, Rule] = {"center": center, "3-crop": three, "5-crop": five, "10-crop": ten_in_steps}
TORCHVISION: dict[str, Rule] = {"center": center_to_even, "3-crop": three, "5-crop": five, "10-crop": ten}
ANOMALY: dict[str, Rule] = {
    "center": center_to_even,
    "3-crop": three,
    "5-crop": five_middle_third,
    "10-crop": ten_middle_third,
}
CENTER_FIRST: dict[str, Rule] = {
    "center": center_to_even,
    "3-crop": three,
    "5-crop": five_middle_first,
    "10-crop": ten_middle_first,
}
CROPS = {  # the crop types of each tool
    "torchvision": TORCHVISION,
    "mmaction2": MMACTION2,
    "anomaly": ANOMALY,
    "center_first": CENTER_FIRST,
}


def cut(frames: Tensor, box: Box, side: int) -> Tensor:
    """Return a crop of `side` pixels, of frames [..., H, W, 3] or [..., C, H, W]; a view unless it is mirrored."""
    rows = height_dim(frames)
    crop = frames.narrow(rows, box.top, side).narrow(rows + 1, box.left, side)
    return crop.flip(rows + 1) if box.mirrored else crop


def resize_rounded(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Return uint8 [n, h, w, 3], resized as torchvision does with antialias, computed in float32 and rounded.

    Equal to the bit to torchvision 0.16's resize of uint8; that of 0.29 differs by 1 in some bytes.

    frames: uint8 [n, H, W, 3] on any device; returned unchanged if they have the size already.
    size: (h, w).
    """
    if tuple(frames.shape[1:3]) == tuple(size) or len(frames) == 0:
        return frames.new_empty((0, *size, 3)) if len(frames) == 0 else frames
    images = frames.permute(0, 3, 1, 2).float().contiguous()
    resized = F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
    return resized.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def network_input(
    views: Tensor, mean: Sequence[float] = MEAN, std: Sequence[float] = STD, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return uint8 views [N, T, H, W, 3] as the network's input: normalized, [N, 3, T, H, W], channels last.

    mean, std: of each channel, in 0..255.
    """
    return normalize(views, mean, std, dtype=dtype).permute(0, 4, 1, 2, 3)
