"""The stream of frames that a decode thread takes of a video."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self

from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.nvdec import open_on_gpu
from utils.media.report import VideoReport
from utils.media.rgb import RgbConverter
from utils.media.segment import Segment
from utils.media.video import Allocate, Frames, Given, VideoInfo, VideoStream
from utils.media.view import View
from utils.media.yuv import YuvConverter


class FrameStream(Protocol):
    """Iterates once over the `Frames` of several views of a video; a context manager. See `VideoStream`."""

    @property
    def infos(self) -> tuple[VideoInfo, ...]:
        """Size and rate of the frames of each view."""
        ...

    @property
    def report(self) -> VideoReport:
        """The outcome of decoding, complete after the last frames."""
        ...

    @property
    def decoded_s(self) -> float:
        """Seconds that are decoded, of `length_s`; other threads may ask."""
        ...

    @property
    def length_s(self) -> float | None:
        """Seconds that there are to decode; None where the file does not say."""
        ...

    def want(self, view: int, wanted: Sequence[int] | None) -> None:
        """Choose the frames of a view by their numbers, None for all of them; later on, () for no more."""
        ...

    def __iter__(self) -> Iterator[Frames]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_frames(
    source: MediaSource,
    views: Sequence[View],
    segment: Segment,
    limits: Limits,
    allocate: Allocate,
    chunk_frames: int = 16,
    as_planes: bool = False,
    gpu: int | None = None,
) -> VideoStream:
    """Return the frames of a video, in memory that `allocate` returns.

    chunk_frames: most of them in a chunk. as_planes: whether those that a GPU can convert come as planes, see
    `utils.media.yuv`. gpu: that is to decode them.

    What a GPU cannot decode the CPU does; the report says so.

    Raises:
        VideoError: the file is not media, has no video stream, or not one frame decodes.
    """
    given = Given(views=views, segment=segment, limits=limits, allocate=allocate, chunk_frames=chunk_frames)
    on_gpu = "" if gpu is None else open_on_gpu(source, gpu, **given)
    if not isinstance(on_gpu, str):
        return on_gpu
    stream = VideoStream(source, converter=YuvConverter if as_planes else RgbConverter, **given)
    if on_gpu:
        stream.report.note(f"decoded on the CPU, since {on_gpu}")
    return stream
