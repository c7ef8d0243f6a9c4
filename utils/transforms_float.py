"""Resizing and cropping as PyTorch models do it on floats: no rounding to 8 bits, no antialiasing."""

from torch import Tensor
from torch.nn import functional


def to_floats(frames: Tensor) -> Tensor:
    """Return frames as float32 [n, 3, H, W] in 0..1.

    frames: uint8 [n, H, W, 3].
    """
    return frames.permute(0, 3, 1, 2).float().div_(255)


def resize_floats(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return float32 [n, C, h, w]: bilinear, half-pixel centres, however much smaller the result is.

    images: float32 [n, C, H, W]. size: (h, w).
    """
    return functional.interpolate(images, size, mode="bilinear", align_corners=False)


def resize_shorter_floats(images: Tensor, side: int) -> Tensor:
    """Return float32 [n, C, h, w], every position scaled by `side` / shorter side, and fractions of pixels cut off.

    Both sides are floor(length * scale) long and their pixels lie 1 / scale apart in the input. So the shorter side may
    come out as `side` - 1 where the product falls short of it, and the edges of the longer one are not met exactly.

    images: float32 [n, C, H, W].
    """
    scale = side / min(images.shape[-2:])
    return functional.interpolate(
        images, scale_factor=scale, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )


def center_crop_even(images: Tensor, side: int) -> Tensor:
    """Return a view of the middle square of [..., H, W]; a margin of k + 1/2 pixels is rounded to the even neighbour.

    A length below `side` stays whole. (`utils.transforms.center_crop` rounds towards the upper left.)
    """
    for dim in (-2, -1):
        start = max(round((images.shape[dim] - side) / 2), 0)
        images = images.narrow(dim, start, min(side, images.shape[dim]))
    return images
