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
from multiprocessing.spawn import get_executable
from subprocess import _args_from_interpreter_flags  # pyright: ignore[reportAttributeAccessIssue, reportPrivateUsage, reportUnknownVariableType]  # as multiprocessing does
from types import TracebackType
from typing import Any, Self

import numpy as np

from utils.errors import VideoError
from utils.media.decode_protocol import MOST_VIEWS, Chunk, Close, Next, NoMoreFrames, Open, Opened, SharedFrames, Want
from utils.media.input import LocalFile, MediaSource, local_path
from utils.media.limits import Limits
from utils.media.segment import Segment
from utils.media.video import Allocate, Frames
from utils.media.view import View

SERVER = f"{__name__.rpartition('.')[0]}.decode_server"
OF_ONE_PROCESS = ("/dev/", "/proc/")  # such as /dev/fd/3
END_S = 2.0  # for the process to end by itself
IS_POSSIBLE = hasattr(os, "memfd_create")  # Linux


class DecodeProcess:
    """A process that decodes one video after the other, from `start` to `close`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._limits: Limits | None = None

    def takes(self, source: MediaSource, views: Sequence[View]) -> bool:
        """Return whether it can decode a source: a file of this machine, or a part of one, for all processes."""
        path = source.path if isinstance(source, LocalFile) else local_path(source)
        return len(views) <= MOST_VIEWS and path is not None and not os.fsdecode(path).startswith(OF_ONE_PROCESS)

    def start(self, limits: Limits) -> None:
        """Start the process, unless it runs with these limits. Raises OSError where there can be none."""
        if self._process is None or self._process.poll() is not None or self._limits != limits:
            self._start(limits)

    def open(
        self,
        source: MediaSource,
        views: Sequence[View],
        segment: Segment,
        limits: Limits,
        allocate: Allocate,
        chunk_frames: int,
        as_planes: bool = False,
        gpu: int | None = None,
    ) -> "RemoteStream":
        """Return the frames of a video, as `open_frames` gives them. The process runs, with the same limits.

        Raises:
            VideoError: the file is not media, has no video stream, or not one frame decodes; or the process dies of it.
        """
        label = str(source)
        self.memory.decoded_s[0] = 0.0
        self.send(Open(source, tuple(views), segment, limits, chunk_frames, as_planes, gpu), label)
        return RemoteStream(self, label, allocate, self.receive(label))

    def _start(self, limits: Limits) -> None:
        self.close()
        self.memory, self._limits = SharedFrames(limits), limits
        try:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                descriptors = (theirs.fileno(), self.memory.file)
                call = f"serve({descriptors[0]}, {descriptors[1]}, {limits.max_pixels})"
                # the same modules as here, whatever the working directory holds
                program = f"import sys; sys.path[:] = {sys.path!r}; from {SERVER} import serve; {call}"
                command = [get_executable(), *_args_from_interpreter_flags(), "-c", program]
                self._process = subprocess.Popen(command, pass_fds=descriptors)
                self._connection = Connection(ours.detach())
        finally:
            os.close(self.memory.file)

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
        if -code == signal.SIGKILL:
            return VideoError(f"{label}: the process that decodes it was killed (no memory?): run the command again")
        return VideoError(f"{label}: the process that decodes it died ({how}): get the file again, or convert it")

    def has_news(self) -> bool:
        """Wait for a reply, for as long as the process has to end; return whether there is one."""
        return self._connection.poll(END_S)

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self.close()

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
            yield Frames(pixels, reply.index, reply.pts_s, reply.view, reply.yuv)

    def _ask(self, freed: int | None) -> None:
        self._process.send(Next(freed), self._label)
        self._waits = True

    def _answer(self) -> Chunk | NoMoreFrames:
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
            if self._waits and not self._process.has_news():  # the next chunk may be far away, or never come
                self._process.kill()
                return
            try:
                if self._waits:
                    self._answer()
            finally:
                self._process.send(Close(), self._label)
