"""What a process that decodes replies; here without the process."""

import queue
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from support.decoded import decoded
from support.media import moving_frames, write_clip

from utils.errors import VideoError
from utils.media import decode_server
from utils.media.decode_process import IS_POSSIBLE
from utils.media.decode_protocol import N_SLOTS, Chunk, Close, Next, NoMoreFrames, Open, Opened, SharedFrames, Want
from utils.media.decode_server import _portable, _Server
from utils.media.limits import DEFAULT_LIMITS
from utils.media.segment import WHOLE
from utils.media.view import View

pytestmark = pytest.mark.skipif(not IS_POSSIBLE, reason="needs memory files, which Linux has")


class Replies(queue.Queue[Any]):
    """The end of a pipe that the replies come out of."""

    send = queue.Queue.put


@pytest.fixture
def replies() -> Replies:
    return Replies()


@pytest.fixture
def memory() -> SharedFrames:
    return SharedFrames(DEFAULT_LIMITS)


@pytest.fixture
def server(replies: Replies, memory: SharedFrames) -> _Server:
    return _Server(cast(Any, replies), memory)


def test_chunks_come_in_free_slots(server: _Server, replies: Replies, memory: SharedFrames, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(2 * N_SLOTS))
    expected, stream = decoded(path)
    server.do(Open(path, (View(),), WHOLE, DEFAULT_LIMITS, 1, False, None))
    opened = replies.get_nowait()
    assert isinstance(opened, Opened) and opened.infos == stream.infos
    server.do(Want(0, range(4, 2 * N_SLOTS)))
    freed = held = None
    for i in range(4, 2 * N_SLOTS):
        server.do(Next(freed))
        chunk = replies.get_nowait()
        assert isinstance(chunk, Chunk) and chunk.index.tolist() == [i]
        np.testing.assert_array_equal(memory.slot(chunk.slot, chunk.shape)[0], expected.pixels[i])
        assert chunk.slot != held
        freed, held = held, chunk.slot
    server.do(Next(freed))
    ended = replies.get_nowait()
    assert isinstance(ended, NoMoreFrames) and ended.report == stream.report
    server.do(Close())
    server.do(Next(None))
    assert str(replies.get_nowait()) == "no video is open"


def test_errors_are_replies(server: _Server, replies: Replies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.mp4").write_text("no video")
    server.do(Open(tmp_path / "x.mp4", (View(),), WHOLE, DEFAULT_LIMITS, 1, False, None))
    assert isinstance(error := replies.get_nowait(), VideoError) and "is a text file" in str(error)
    monkeypatch.setattr(decode_server, "open_frames", lambda *_: {}["a"])
    server.do(Open(tmp_path / "x.mp4", (View(),), WHOLE, DEFAULT_LIMITS, 1, False, None))
    assert repr(replies.get_nowait()) == repr(RuntimeError("KeyError: 'a'"))


def test_an_error_that_another_process_cannot_make_keeps_its_words() -> None:
    class LocalError(Exception):
        pass

    same = VideoError("a.mp4: broken")
    assert (type(_portable(same)), str(_portable(same))) == (VideoError, "a.mp4: broken")
    other = _portable(LocalError("what happened"))
    assert (type(other), str(other)) == (RuntimeError, "LocalError: what happened")
