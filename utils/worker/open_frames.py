"""Opening the frames of videos as a device wants them."""

import logging
import threading
from collections.abc import Sequence

from utils.media.decode_process import IS_POSSIBLE, DecodeProcess
from utils.media.frame_stream import FrameStream, open_frames
from utils.media.input import MediaSource
from utils.media.limits import Limits
from utils.media.segment import Segment
from utils.media.video import empty_bytes
from utils.media.view import View
from utils.nn.device_copy import pinned_bytes

log = logging.getLogger(__name__)

CHUNK_FRAMES = {"cpu": 16, "cuda": 64, "mps": 64}  # a GPU's few launches per chunk cost as much as many frames
ALLOCATE = {"cpu": empty_bytes, "cuda": pinned_bytes, "mps": empty_bytes}


class FrameOpener:
    """Opens videos for decode threads, each of which has a process where the device is a GPU.

    in_processes: None for that choice. On a CPU the network takes most of the time, and processes take memory.
    """

    def __init__(self, device_type: str, limits: Limits, in_processes: bool | None = None) -> None:
        self._allocate, self._chunk_frames = ALLOCATE[device_type], CHUNK_FRAMES[device_type]
        self._limits = limits
        self._in_processes = device_type == "cuda" and IS_POSSIBLE if in_processes is None else in_processes
        self._of_thread = threading.local()

    def open(
        self, source: MediaSource, views: Sequence[View], segment: Segment, as_planes: bool, gpu: int | None
    ) -> FrameStream:
        """Return the frames of a video, see `open_frames`.

        Raises:
            VideoError: the file is not media, has no video stream, or not one frame decodes.
        """
        process = self._process() if self._in_processes else None
        in_process = process is not None and process.takes(source, views) and self._starts(process)
        opened = process.open if process is not None and in_process else open_frames
        limits, allocate, chunk_frames = self._limits, self._allocate, self._chunk_frames
        return opened(source, views, segment, limits, allocate, chunk_frames, as_planes, gpu)

    def close(self) -> None:
        """End the calling thread's process."""
        if hasattr(self._of_thread, "process"):
            self._of_thread.process.close()

    def _starts(self, process: DecodeProcess) -> bool:
        """Return whether the process runs; where there can be none, threads decode from now on."""
        try:
            process.start(self._limits)
        except OSError as error:
            log.warning("no process can be started for decoding (%s): threads decode, which is slower", error)
            self._in_processes = False
        return self._in_processes

    def _process(self) -> DecodeProcess:
        if not hasattr(self._of_thread, "process"):
            self._of_thread.process = DecodeProcess()
        return self._of_thread.process
