"""The stream of frames that a decode thread takes of a video."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self

from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.report import VideoReport
from utils.media.segment import Segment
from utils.media.video import Allocate, Frames, VideoInfo, VideoStream
from utils.media.view import View


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
    gpu: int | None = None,
) -> FrameStream:
    """Return the frames of a video, in memory that `allocate` returns, or on the GPU that is to decode them.

    chunk_frames: most of them in a chunk.

    What a GPU cannot decode the CPU does; the report says so.

    Raises:
        VideoError: the file is not media, has no video stream, or not one frame decodes.
    """
    refused = ""
    if gpu is not None:
        from utils.media.nvdec import open_on_gpu  # imports torch

        on_gpu = open_on_gpu(source, gpu, views, segment, limits, chunk_frames)
        if not isinstance(on_gpu, str):
            return on_gpu
        refused = on_gpu
    stream = VideoStream(
        source, views=views, chunk_frames=chunk_frames, segment=segment, limits=limits, allocate=allocate
    )
    if refused:
        stream.report.note(f"decoded on the CPU, since {refused}")
    return stream
