"""The process that decodes for another one, see `utils.media.decode_process`."""

import contextlib
import ctypes
import pickle
import signal
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from utils.errors import FeatmillError, VideoError
from utils.media.decode_protocol import N_SLOTS, Chunk, Next, NoMoreFrames, Open, Opened, SharedFrames, Want
from utils.media.frame_stream import open_frames
from utils.media.limits import Limits
from utils.media.video import VideoStream

POLL_S = 0.2  # between two looks at how far the stream is
PR_SET_PDEATHSIG = 1  # of Linux


def serve(connection: int, memory: int, max_pixels: int) -> None:
    """Body of the process: decode what is asked for, until the other end closes."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the main process ends its workers, and they end this
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a decoder that hangs would not notice their end
    with Connection(connection) as replies, contextlib.suppress(EOFError, OSError):
        served = _Server(replies, SharedFrames(Limits(max_pixels=max_pixels), memory))
        while True:
            served.do(replies.recv())


class _Server:
    """The video that is open in the process."""

    def __init__(self, replies: Connection, memory: SharedFrames) -> None:
        self._replies, self._memory = replies, memory
        self._stream: VideoStream | None = None
        threading.Thread(target=self._tell_how_far, daemon=True).start()

    def do(self, request: Any) -> None:
        """Do what is asked for, and reply where a reply is due."""
        try:
            match request:
                case Open():
                    self._open(request)
                case Want():
                    self._of_stream().want(request.view, request.wanted)
                case Next():
                    self._next(request)
                case _:
                    self._close()
        except (FeatmillError, OSError, MemoryError) as error:
            self._replies.send(_portable(error))
        except Exception as error:
            self._replies.send(RuntimeError(f"{type(error).__name__}: {error}"))

    def _open(self, request: Open) -> None:
        self._close()
        self._free = list(range(N_SLOTS))
        self._slots: dict[int, int] = {}  # by the address of a chunk
        self._stream = stream = open_frames(
            request.source,
            request.views,
            request.segment,
            request.limits,
            self._allocate,
            request.chunk_frames,
            request.as_planes,
            request.gpu,
        )
        self._chunks = iter(stream)
        self._replies.send(Opened(stream.infos, stream.length_s, stream.report))

    def _allocate(self, shape: tuple[int, ...]) -> np.ndarray:
        slot = self._free.pop()
        pixels = self._memory.slot(slot, shape)
        self._slots[pixels.ctypes.data] = slot
        return pixels

    def _next(self, request: Next) -> None:
        if request.freed is not None:
            self._free.append(request.freed)
        stream, frames = self._of_stream(), next(self._chunks, None)
        if frames is None:
            self._replies.send(NoMoreFrames(stream.report))
            return
        slot = self._slots[frames.pixels.ctypes.data]
        what = (slot, frames.pixels.shape, frames.index, frames.pts_s, frames.view, frames.yuv)
        self._replies.send(Chunk(*what, stream.report))

    def _of_stream(self) -> VideoStream:
        if self._stream is None:
            raise VideoError("no video is open")
        return self._stream

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _tell_how_far(self) -> None:
        """Keep saying how far the stream is: a chunk may take long."""
        while True:
            with contextlib.suppress(Exception):  # a stream that is being closed
                if (stream := self._stream) is not None:
                    self._memory.decoded_s[0] = stream.decoded_s
            time.sleep(POLL_S)


def _portable(error: Exception) -> Exception:
    """Return the error itself, if it is the same after its way to another process."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
