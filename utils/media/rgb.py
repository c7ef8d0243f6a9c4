"""Decoded frames → RGB pixels, as OpenCV's reader converts them."""

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from utils.errors import VideoError
from utils.media.container import ffmpeg_reason
from utils.media.crop import Crop
from utils.media.layout import Layout, rgb_layout
from utils.media.rotation import Orientation


class RgbConverter:
    """Converts the frames of one video to upright RGB, each at its own size, bit for bit what OpenCV 5.0 makes of them.

    Colour tags are followed, as OpenCV since 4.13 and FFmpeg do: a video tagged BT.709 is converted by BT.709, an
    untagged one by BT.601, full and limited range as tagged. (OpenCV up to 4.12 ignored the tag and always took BT.601:
    up to 26 grey levels apart on tagged video, no difference on untagged of 8 bits.)
    """

    def __init__(self, label: str, turn: Orientation, crop: Crop) -> None:
        self._label = label
        self.turn = turn
        self.crop = crop
        self._reformatter = VideoReformatter()  # keeps its tables from frame to frame

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height) of a frame once it is cropped and upright."""
        stored = (frame.width, frame.height)
        return self.turn.size(*self.crop.within(*stored).size(*stored))

    def layout(self, frame: VideoFrame) -> Layout:
        """Return how `write` stores a frame."""
        return rgb_layout(self.size(frame))

    def write(self, frame: VideoFrame, out: np.ndarray) -> None:
        """Write a frame's pixels to out, uint8 [H, W, 3] RGB, upright. VideoError if it cannot be converted."""
        # swscale's ways to rgb24 and to bgr24 are the same for 8-bit video but not for more bits. OpenCV takes bgr24.
        deep = frame.format.components[0].bits > 8
        width, height = frame.width, frame.height
        try:
            converted = self._reformatter.reformat(
                frame,
                width,
                height,
                "bgr24" if deep else "rgb24",
                interpolation=Interpolation.BICUBIC,
                threads=1,
            )
        except FFmpegError as error:
            raise VideoError(
                f"{self._label}: pixel format {frame.format.name} cannot be converted to RGB: {ffmpeg_reason(error)}. "
                "Convert the video to yuv420p."
            ) from error
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        pixels = rows[:, : width * 3].reshape(height, width, 3)
        left, top, right, bottom = self.crop.within(width, height)
        pixels = pixels[top : height - bottom, left : width - right]
        out[...] = self.turn.apply(pixels[..., ::-1] if deep else pixels)
