"""Frames decoded in another process are those of this one; and what becomes of its errors and its death."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np
import pytest
from support.media import moving_frames, write_clip

from utils.errors import VideoError
from utils.media.decode_process import IS_POSSIBLE, DecodeProcess
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.segment import WHOLE, Segment
from utils.media.video import VideoStream, empty_bytes
from utils.media.view import View

pytestmark = pytest.mark.skipif(not IS_POSSIBLE, reason="needs memory files, which Linux has")


@pytest.fixture(scope="module")
def process() -> Iterator[DecodeProcess]:
    process = DecodeProcess()
    yield process
    assert process.close() == 0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", moving_frames(50))


def opened(process: DecodeProcess, clip: Path, *views: View, segment: Segment = WHOLE, chunk_frames: int = 7):
    process.start(DEFAULT_LIMITS)
    return process.open(clip, views, segment, DEFAULT_LIMITS, empty_bytes, chunk_frames)


@pytest.mark.parametrize("views", [(View(),), (View(), View(10), View(3, [0, 2, 3])), (View(),) * 6])
@pytest.mark.parametrize("segment", [WHOLE, Segment(0.5, 1.2)])
def test_chunks_are_those_of_this_process(process, clip, views, segment):
    with VideoStream(clip, views=views, segment=segment, chunk_frames=7) as expected:
        theirs = list(expected)
    with opened(process, clip, *views, segment=segment) as stream:
        assert (stream.infos, stream.length_s) == (expected.infos, expected.length_s)
        for ours, other in zip(stream, theirs, strict=True):
            assert ours.view == other.view
            for name in ("pixels", "index", "pts_s"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(other, name))
    assert stream.report == expected.report


def test_a_stream_can_be_left_and_views_can_be_chosen_late(process, clip):
    for _ in range(2):
        with opened(process, clip, View(), View()) as stream:
            stream.want(1, [49])
            chunks = iter(stream)
            assert next(chunks).index.tolist() == list(range(7))
            assert stream.report.problems == []
    with opened(process, clip, View()) as stream:
        stream.want(0, [48, 49])
        assert [chunk.index.tolist() for chunk in stream] == [[48, 49]]
        time.sleep(0.3)
        assert stream.decoded_s == pytest.approx(49 / 25)


def test_errors_are_those_of_this_process_and_the_next_video_is_decoded(process, clip, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    for path in (tmp_path / "text.mp4", tmp_path / "missing.mp4"):
        with pytest.raises(Exception) as expected:  # whatever it is
            VideoStream(path)
        with pytest.raises(type(expected.value)) as found:
            opened(process, path, View())
        assert str(found.value) == str(expected.value)
    with opened(process, clip, View()) as stream:
        assert sum(len(chunk.index) for chunk in stream) == 50


def pid_of(process: DecodeProcess) -> int:
    assert process._process is not None
    return process._process.pid


def test_a_process_that_dies_fails_its_video_alone(clip):
    process = DecodeProcess()
    with opened(process, clip, View()) as stream:
        chunks = iter(stream)
        next(chunks)
        os.kill(pid_of(process), signal.SIGKILL)
        with pytest.raises(VideoError, match=r"a\.mp4: the process that decodes it was killed \(no memory\?\): run"):
            list(chunks)
    with opened(process, clip, View()) as stream:
        assert sum(len(chunk.index) for chunk in stream) == 50
    process.close()


def test_other_limits_get_another_process_and_many_views_none(process, clip):
    process.start(Limits(max_pixels=10))
    with pytest.raises(VideoError, match="more than the"):
        process.open(clip, (View(),), WHOLE, Limits(max_pixels=10), empty_bytes, 7)
    assert process.takes(clip, (View(),) * 6)
    assert not process.takes(clip, (View(),) * 7)
    assert not process.takes("/dev/fd/3", (View(),))


def test_it_ends_with_the_process_that_started_it(clip):
    script = (
        "import sys, time; from utils.media.decode_process import *; from utils.media.limits import DEFAULT_LIMITS;"
        "from utils.media.segment import WHOLE; from utils.media.video import empty_bytes; process = DecodeProcess();"
        "process.start(DEFAULT_LIMITS);"
        "process.open(sys.argv[1], (View(),), WHOLE, DEFAULT_LIMITS, empty_bytes, 7);"
        "print(process._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(clip)], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(cast(IO[str], parent.stdout).readline())
        parent.kill()
    end_s = time.monotonic() + 5
    while Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_what_lies_in_the_working_directory_is_not_imported(clip, tmp_path, monkeypatch):
    for name in ("utils/__init__.py", "av.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    process = DecodeProcess()
    with opened(process, clip, View()) as stream:
        assert sum(len(chunk.index) for chunk in stream) == 50
    assert process.close() == 0


def test_a_stream_is_left_at_once_where_its_next_frame_is_far_away(clip, monkeypatch):
    process = DecodeProcess()
    monkeypatch.setattr("utils.media.decode_process.END_S", 0.1)
    with opened(process, clip, View()) as stream:
        os.kill(pid_of(process), signal.SIGSTOP)
        stream._ask(None)  # for the next chunk, which is decoded ahead
    assert process._process is None
