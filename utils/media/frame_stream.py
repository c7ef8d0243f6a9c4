"""The stream of frames that a decode thread takes of a video, and which decoder provides it for a device."""

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self

from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.report import VideoReport
from utils.media.segment import Segment
from utils.media.video import Frames, VideoInfo, VideoStream
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


def _on_cpu(source: MediaSource, views: Sequence[View], segment: Segment, limits: Limits) -> FrameStream:
    return VideoStream(source, views=views, segment=segment, limits=limits)


DECODERS: dict[str, Callable[[MediaSource, Sequence[View], Segment, Limits], FrameStream]] = {
    "cpu": _on_cpu,
    "cuda": _on_cpu,
}  # by device type


def open_frames(
    source: MediaSource, views: Sequence[View], segment: Segment, limits: Limits, device_type: str
) -> FrameStream:
    """Return the frames of a video, decoded for networks on a device of this type.

    Raises:
        VideoError: the file is not media, has no video stream, or not one frame decodes.
    """
    return DECODERS[device_type](source, views, segment, limits)
