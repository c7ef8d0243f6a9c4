"""Decoded frames where the decoder fails."""

import contextlib
from pathlib import Path
from typing import Any, cast

import av
import pytest
from av.codec.hwaccel import HWAccel
from av.error import ExternalError, tag_to_code
from support.media import moving_frames, write_clip

from utils.errors import VideoError
from utils.media.limits import DEFAULT_LIMITS
from utils.media.segment import WHOLE
from utils.media.video_frames import SourceFrames


class FailingStream:
    """A video stream whose decoder fails after some packets, as one on a GPU does."""

    def __init__(self, stream: av.VideoStream, n_packets: int) -> None:
        self._stream, self._left = stream, n_packets
        self.codec_context = self

    def __getattr__(self, name: str) -> Any:
        stream = self.__dict__["_stream"]
        return getattr(stream if hasattr(stream, name) else stream.codec_context, name)

    def decode(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        self._left -= 1
        if self._left < 0:
            raise ExternalError(tag_to_code(b"EXT "), "Generic error in an external library")
        return self._stream.codec_context.decode(packet)


@pytest.mark.parametrize("n_packets", [0, 3])
def test_a_gpu_that_fails_leaves_no_partial_features(tmp_path: Path, n_packets: int) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(5), options={"tune": "zerolatency"})
    frames = SourceFrames(path, 1, WHOLE, DEFAULT_LIMITS)
    frames.stream = cast(av.VideoStream, FailingStream(frames.stream, n_packets))
    frames._accelerator = HWAccel("cuda")
    with contextlib.closing(frames), pytest.raises(VideoError, match=r"the GPU stops .*--decode exact"):
        list(frames)
    assert frames.report.decoded == n_packets
