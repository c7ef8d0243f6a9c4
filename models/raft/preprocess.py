"""Frames to the input of RAFT, and its output to the frame's size: pure functions."""

from torch import Tensor
from torch.nn import functional

from utils.errors import VideoError

MULTIPLE = 8  # the features have 1/8 of the input's size
MIN_PADDED_SIDE = 128  # below it the coarsest correlation level has a single row or column, which cannot be sampled


def margins(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Padding of frames of `size` (H, W) at the left, right, top and bottom to multiples of 8, in pixels.

    An odd pixel goes to the right or the bottom (the authors' padding for Sintel).
    """
    rows, columns = -size[0] % MULTIPLE, -size[1] % MULTIPLE
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def padded_size(size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) of `size` raised to multiples of 8."""
    left, right, top, bottom = margins(size)
    return size[0] + top + bottom, size[1] + left + right


def check_size(size: tuple[int, int]) -> None:
    """Raise VideoError if frames of `size` (H, W) are too small for the network even with their padding."""
    if min(padded_size(size)) < MIN_PADDED_SIDE:
        smallest = MIN_PADDED_SIDE - MULTIPLE + 1
        raise VideoError(
            f"RAFT cannot read frames of {size[1]}x{size[0]} pixels: both sides must have at least {smallest}. "
            f"Enlarge the frames: --min_side_size {2 * MIN_PADDED_SIDE} with i3d, "
            f"--side_size {2 * MIN_PADDED_SIDE} with raft alone"
        )


def to_network(frames: Tensor) -> Tensor:
    """The network's input: RGB in -1..1, padded to multiples of 8 by repeating the borders, float32 [n, 3, Hp, Wp].

    frames: RGB, float32 [n, 3, H, W] in 0..255.
    """
    padded = functional.pad(frames.float(), margins((frames.shape[-2], frames.shape[-1])), mode="replicate")
    return 2.0 * (padded / 255.0) - 1.0


def unpad(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Flow without the padding, [n, 2, H, W].

    flow: [n, 2, Hp, Wp], as `between` returns it. size: (H, W) of the frames.
    """
    left, _, top, _ = margins(size)
    return flow[..., top : top + size[0], left : left + size[1]]
