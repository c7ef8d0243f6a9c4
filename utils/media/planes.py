"""Planes of decoded frames, on any device, to upright RGB."""

from torch import Tensor

from utils.media.layout import Yuv
from utils.media.rotation import Orientation
from utils.transforms.yuv import to_rgb


def upright_rgb(frames: Tensor, yuv: Yuv | None) -> Tensor:
    """Return the pixels that a CPU makes of frames, uint8 [n, H, W, 3].

    frames: planes, uint8 [n, h * 3 / 2, w], see `Yuv`; where that is None, the pixels themselves.
    """
    if yuv is None:
        return frames
    n, rows, width = frames.shape
    height = rows * 2 // 3
    half = (n, height // 2, width // 2)
    luma, chroma = frames[:, :height], frames[:, height:]
    chroma = chroma.reshape(*half, 2) if yuv.interleaved else chroma.reshape(n, 2, *half[1:]).movedim(1, -1)
    pixels = to_rgb(luma, chroma, yuv.matrix, yuv.full_range)
    left, top, right, bottom = yuv.crop
    return _turned(pixels[:, top : height - bottom, left : width - right], yuv.turn)


def _turned(pixels: Tensor, turn: Orientation) -> Tensor:
    """Return upright frames [n, H, W, 3], as `Orientation.apply` returns arrays."""
    pixels = pixels.transpose(1, 2) if turn.transpose else pixels
    return pixels.flip([dim for dim, reverse in ((1, turn.reverse_rows), (2, turn.reverse_columns)) if reverse])
