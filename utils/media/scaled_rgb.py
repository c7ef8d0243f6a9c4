"""Decoded frames → RGB pixels of another size, as ffmpeg's scale filter makes them."""

from fractions import Fraction

import numpy as np
from av.error import FFmpegError
from av.filter import Graph
from av.video.frame import VideoFrame

from utils.errors import VideoError
from utils.media.container import ffmpeg_reason
from utils.media.crop import Crop
from utils.media.layout import Layout, rgb_layout
from utils.media.rotation import Orientation

TIME_BASE = Fraction(1, 1000)  # of the filters, which have no use for times


class ScaledRgbConverter:
    """Converts the frames of one video to upright RGB with a given shorter side.

    The pixels are those of `ffmpeg -vf scale=W:H -pix_fmt rgb24`, bit for bit (FFmpeg 8.1 and 9.0, default flags):
    swscale enlarges or shrinks, bicubic, in the pixel format that was decoded, and converts to RGB in the same call.
    Scaling the RGB frame instead gives up to 14 grey levels less or more on natural video. Like ffmpeg, it first crops
    as the container says, then turns.

    side: pixels of the shorter side; the longer one is rounded down. most_pixels: that a frame may get.
    """

    def __init__(self, label: str, turn: Orientation, crop: Crop, side: int, most_pixels: int) -> None:
        self._label, self._turn, self._crop = label, turn, crop
        self._side, self._most_pixels = side, most_pixels
        self._graph, self._made_for = Graph(), ()  # what frames it takes

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height) of a frame once it is cropped, upright and scaled.

        Raises:
            VideoError: it has too many pixels.
        """
        stored = (frame.width, frame.height)
        upright = self._turn.size(*self._crop.within(*stored).size(*stored))
        width, height = (length * self._side // min(upright) for length in upright)
        if width * height > self._most_pixels:
            raise VideoError(
                f"{self._label}: frames become {width}x{height} pixels, more than --max_pixels allows. Ask for a "
                "smaller --resize."
            )
        return width, height

    def layout(self, frame: VideoFrame) -> Layout:
        """Return how `write` stores a frame. VideoError as by `size`."""
        return rgb_layout(self.size(frame))

    def write(self, frame: VideoFrame, out: np.ndarray) -> None:
        """Write a frame's pixels to out, uint8 [H, W, 3] RGB, upright. VideoError if it cannot be converted."""
        takes = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        try:
            if takes != self._made_for:
                self._graph, self._made_for = self._graph_for(frame), takes
            self._graph.vpush(frame)
            out[...] = self._graph.vpull().to_ndarray()
        except FFmpegError as error:
            raise VideoError(
                f"{self._label}: pixel format {frame.format.name} cannot be scaled and converted to RGB: "
                f"{ffmpeg_reason(error)}. Convert the video to yuv420p."
            ) from error

    def _graph_for(self, frame: VideoFrame) -> Graph:
        """Return filters for frames like this one."""
        graph = Graph()
        graph.threads = 1
        nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=TIME_BASE)]
        crop, turn = self._crop.within(frame.width, frame.height), self._turn
        width, height = self.size(frame)
        if any(crop):
            cropped = crop.size(frame.width, frame.height)
            nodes.append(graph.add("crop", f"{cropped[0]}:{cropped[1]}:{crop.left}:{crop.top}"))
        if turn.transpose:
            nodes.append(graph.add("transpose", "cclock_flip"))
        if turn.reverse_rows:
            nodes.append(graph.add("vflip"))
        if turn.reverse_columns:
            nodes.append(graph.add("hflip"))
        nodes += [graph.add("scale", f"{width}:{height}"), graph.add("format", "rgb24"), graph.add("buffersink")]
        graph.link_nodes(*nodes).configure()
        return graph
