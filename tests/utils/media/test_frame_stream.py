"""Which decoder gives the frames on which device."""

from pathlib import Path

import pytest
from support.media import moving_frames, write_clip

from utils.media.frame_stream import DECODERS, open_frames
from utils.media.limits import DEFAULT_LIMITS
from utils.media.segment import WHOLE
from utils.media.view import View


@pytest.mark.parametrize("device_type", DECODERS)
def test_every_device_gets_the_frames_of_each_view(tmp_path: Path, device_type: str) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(20))
    with open_frames(path, (View(), View(fps=5)), WHOLE, DEFAULT_LIMITS, device_type) as stream:
        assert [info.fps for info in stream.infos] == [25, 5]
        stream.want(0, [3, 7])
        numbers = {frames.view: frames.index.tolist() for frames in stream}
    assert numbers == {0: [3, 7], 1: [0, 1, 2, 3]}
    assert stream.report.decoded == 20
