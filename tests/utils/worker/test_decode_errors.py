"""A disk that fails: the video is failed, not damaged, wherever the error comes from."""

import errno
import io
import os
from types import SimpleNamespace

import pytest
import torch
from support.media import moving_frames, write_clip
from support.tiny_extractor import TinyExtractor

from utils.media import structure
from utils.sources.ref import VideoRef
from utils.worker.decode import Decoders
from utils.worker.events import StreamFailed
from utils.worker.plan import Task


class Failing(io.BytesIO):
    """A file on such a disk."""

    def read(self, size=-1):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_an_error_while_the_structure_of_a_file_is_checked(tmp_path, monkeypatch, suffix):
    path = write_clip(tmp_path / f"clip{suffix}", moving_frames(3))
    monkeypatch.setattr(structure, "open_here", lambda _: Failing(b"x"))
    extractor = TinyExtractor(SimpleNamespace(extraction_fps=None), {}, torch.device("cpu"))
    tasks = iter([Task(VideoRef("clip", "clip", str(path)), ("tiny",))])
    last = list(Decoders({"tiny": extractor}, lambda: next(tasks, None), 1).events(5))[-1]
    assert isinstance(last, StreamFailed) and last.status == "failed"
    assert last.reason.startswith(f"{path}: cannot be read (Input/output error). Check the disk")
