from pathlib import Path

from support.media import moving_frames, write_clip

from utils.media.frame_stream import open_frames
from utils.media.limits import DEFAULT_LIMITS
from utils.media.segment import WHOLE
from utils.media.video import empty_bytes
from utils.media.view import View


def test_each_view_gets_its_frames_in_the_memory_asked_for(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(20))
    shapes = []

    def allocate(shape):
        shapes.append(shape)
        return empty_bytes(shape)

    with open_frames(path, (View(), View(fps=5)), WHOLE, DEFAULT_LIMITS, allocate) as stream:
        assert [info.fps for info in stream.infos] == [25, 5]
        stream.want(0, [3, 7])
        numbers = {frames.view: frames.index.tolist() for frames in stream}
    assert numbers == {0: [3, 7], 1: [0, 1, 2, 3]}
    assert stream.report.decoded == 20
    assert shapes == [(16, stream.infos[0].height, stream.infos[0].width, 3)] * 2
