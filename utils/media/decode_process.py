"""Frames of a video decoded in a process of its own, for the thread that asks for them.

Threads of one Python hand its interpreter to each other many times per frame. With 15 threads that limits a worker to
1,200 frames/s of 340x256 on a machine whose cores decode 30,000 (docs/performance.md).
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from utils.errors import VideoError
from utils.media.decode_protocol import MOST_VIEWS, Chunk, Close, Ended, Next, Open, Opened, SharedFrames, Want
from utils.media.input import LocalFile, MediaSource, local_path
from utils.media.limits import Limits
from utils.media.segment import Segment
from utils.media.video import Allocate, Frames
from utils.media.view import View

SERVER = f"{__name__.rpartition('.')[0]}.decode_server"
ROOT = Path(__file__).parents[__name__.count(".")]
END_S = 2.0  # for the process to end by itself
IS_POSSIBLE = hasattr(os, "memfd_create")  # Linux


class DecodeProcess:
    """A process that decodes one video after the other; it starts with the first. `close` ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._limits: Limits | None = None

    def takes(self, source: MediaSource, views: Sequence[View]) -> bool:
        """Return whether it can decode a source: a file of this machine, or a part of one."""
        return len(views) <= MOST_VIEWS and (isinstance(source, LocalFile) or local_path(source) is not None)

    def open(
        self,
        source: MediaSource,
        views: Sequence[View],
        segment: Segment,
        limits: Limits,
        allocate: Allocate,
        chunk_frames: int,
    ) -> "RemoteStream":
        """Return the frames of a video, as `VideoStream` gives them.

        Raises:
            VideoError: the file is not media, has no video stream, or not one frame decodes; or the process dies of it.
        """
        label = str(source)
        if self._process is None or self._process.poll() is not None or self._limits != limits:
            self._start(limits)
        self.memory.decoded_s[0] = 0.0
        self.send(Open(source, tuple(views), segment, limits, chunk_frames), label)
        return RemoteStream(self, label, allocate, self.receive(label))

    def _start(self, limits: Limits) -> None:
        self.close()
        ours, theirs = socket.socketpair()
        self.memory, self._limits = SharedFrames(limits), limits
        descriptors = (theirs.fileno(), self.memory.file)
        program = f"from {SERVER} import serve; serve({descriptors[0]}, {descriptors[1]}, {limits.max_pixels})"
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path}
        self._process = subprocess.Popen([sys.executable, "-c", program], pass_fds=descriptors, env=environment)
        theirs.close()
        os.close(self.memory.file)
        self._connection = Connection(ours.detach())

    def send(self, request: Any, label: str) -> None:
        """Send a request about the video that messages call `label`."""
        try:
            self._connection.send(request)
        except OSError:
            raise self._died(label) from None

    def receive(self, label: str) -> Any:
        """Return the reply to a request. Raises the error that it holds."""
        try:
            reply = self._connection.recv()
        except (OSError, EOFError):
            raise self._died(label) from None
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _died(self, label: str) -> VideoError:
        code = self.close()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return VideoError(f"{label}: the process that decodes it died ({how}): get the file again, or convert it")

    def close(self) -> int:
        """End the process; return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        self._connection.close()
        try:
            return process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


class RemoteStream:
    """The frames of a video that a `DecodeProcess` decodes; a `FrameStream`."""

    def __init__(self, process: DecodeProcess, label: str, allocate: Allocate, opened: Opened) -> None:
        self._process, self._label, self._allocate = process, label, allocate
        self.infos, self.length_s, self.report = opened.infos, opened.length_s, opened.report
        self._waits = False  # for the reply to a request

    @property
    def decoded_s(self) -> float:
        """Seconds that are decoded, of `length_s`."""
        return float(self._process.memory.decoded_s[0])

    def want(self, view: int, wanted: Sequence[int] | None) -> None:
        """Choose the frames of a view by their numbers, None for all of them; later on, () for no more."""
        self._process.send(Want(view, wanted), self._label)

    def __iter__(self) -> Iterator[Frames]:
        """Yield the chunks; the next one is decoded while one is copied and used."""
        self._ask(None)
        copied = None
        while isinstance(reply := self._answer(), Chunk):
            self._ask(copied)
            pixels = self._allocate(reply.shape)
            np.copyto(pixels, self._process.memory.slot(reply.slot, reply.shape))
            copied = reply.slot
            yield Frames(pixels, reply.index, reply.pts_s, reply.view)

    def _ask(self, freed: int | None) -> None:
        self._process.send(Next(freed), self._label)
        self._waits = True

    def _answer(self) -> Chunk | Ended:
        self._waits = False
        reply = self._process.receive(self._label)
        for problem in reply.report.problems:
            self.report.note(problem)
        self.report.partial |= reply.report.partial
        self.report.decoded, self.report.declared = reply.report.decoded, reply.report.declared
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):  # where the process died, or the video failed, that was said
            if self._waits:
                self._answer()
            self._process.send(Close(), self._label)
