import functools
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from support.media import moving_frames, write_clip

import featmill
from utils.media.decode_process import IS_POSSIBLE, RemoteStream
from utils.media.input import FrameArray
from utils.media.limits import DEFAULT_LIMITS
from utils.media.segment import WHOLE
from utils.media.video import VideoStream
from utils.media.view import View
from utils.worker import decode
from utils.worker.open_frames import FrameOpener

needs_linux = pytest.mark.skipif(not IS_POSSIBLE, reason="needs memory files, which Linux has")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", moving_frames(30))


def test_a_cpu_decodes_in_the_thread(clip):
    with FrameOpener("cpu", DEFAULT_LIMITS).open(clip, (View(),), WHOLE, False, None) as stream:
        assert isinstance(stream, VideoStream)
        assert [len(chunk.index) for chunk in stream] == [16, 14]


@needs_linux
def test_processes_take_what_is_on_this_machine(clip):
    opener = FrameOpener("cpu", DEFAULT_LIMITS, in_processes=True)
    with opener.open(clip, (View(),), WHOLE, False, None) as stream:
        assert isinstance(stream, RemoteStream)
        assert [len(chunk.index) for chunk in stream] == [16, 14]
    with opener.open(FrameArray(moving_frames(3), 25.0), (View(),), WHOLE, False, None) as stream:
        assert isinstance(stream, VideoStream)
    opener.close()


@needs_linux
def test_features_are_the_same(clip, monkeypatch):
    settings = {"model_name": "resnet18", "weights": "random", "extraction_total": 3}
    with featmill.Extractor("resnet", **settings) as extractor:
        expected = extractor(clip)
        monkeypatch.setattr(decode, "FrameOpener", functools.partial(FrameOpener, in_processes=True))
        asked, want = [], RemoteStream.want
        monkeypatch.setattr(RemoteStream, "want", lambda self, *about: asked.append(about) or want(self, *about))
        found = extractor(clip)
    assert asked
    np.testing.assert_array_equal(found["resnet"], expected["resnet"])
    assert (found.status, found.notes) == (expected.status, expected.notes)


@needs_linux
def test_threads_decode_where_no_process_can_be_started(clip, monkeypatch, caplog):
    opener = FrameOpener("cpu", DEFAULT_LIMITS, in_processes=True)
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr("subprocess.Popen", Mock(side_effect=BlockingIOError(11, "Resource temporarily unavailable")))
    for _ in range(2):
        with opener.open(clip, (View(),), WHOLE, False, None) as stream:
            assert isinstance(stream, VideoStream)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert len(list(Path("/proc/self/fd").iterdir())) <= n_open + 1  # the memory that was made
