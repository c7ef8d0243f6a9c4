"""The decode threads: several videos at once, each a bounded stream of prepared frames or of sound."""

import contextlib
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils.errors import VideoError
from utils.extractor import Extractor, StreamInfo
from utils.media.audio import AudioStream
from utils.media.probe import frame_times_s
from utils.media.video import VideoStream
from utils.sources.ref import VideoRef
from utils.windows import Sampling

log = logging.getLogger(__name__)

QUEUE_CHUNKS = 4  # chunks decoded in advance, over all threads


@dataclass(eq=False)
class Job:
    """One video on its way through a worker, with what is learned of it."""

    ref: VideoRef
    info: StreamInfo = field(default_factory=StreamInfo)
    seconds: Counter[str] = field(default_factory=Counter)  # by stage
    decoded: int = 0  # frames or samples that came out of the decoder
    declared: int | None = None  # frames that the header promises
    problems: list[str] = field(default_factory=list)
    partial: bool = False
    dropped: bool = False  # it failed further down: no need to decode the rest

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to the stage's seconds."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start


@dataclass(frozen=True)
class Opened:
    """A video's stream is known, and what to cut from it; its chunks follow."""

    job: Job
    sampling: Sampling


@dataclass(frozen=True)
class Chunk:
    """The next frames of a video, [n, ...], with their times in seconds [n]."""

    job: Job
    units: Tensor
    times_s: np.ndarray


@dataclass(frozen=True)
class Ended:
    """A video's stream is at its end."""

    job: Job


@dataclass(frozen=True)
class Failed:
    """A video cannot be decoded (any further)."""

    job: Job
    reason: str


Event = Opened | Chunk | Ended | Failed


class Decoders:
    """Threads that take videos from `next_ref` until it returns None, and yield what they decode."""

    def __init__(
        self,
        extractor: Extractor,
        next_ref: Callable[[], VideoRef | None],
        n_threads: int,
        frames_folder: Path | None,
    ) -> None:
        self._extractor = extractor
        self._next_ref = next_ref
        self._frames_folder = frames_folder
        self._queue: queue.Queue[Event | None] = queue.Queue(QUEUE_CHUNKS)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n_threads)]
        self._running = n_threads

    def events(self, idle_s: float) -> Iterator[Event | None]:
        """Yield events in order per video, and None whenever nothing came for `idle_s` seconds."""
        for thread in self._threads:
            thread.start()
        try:
            while self._running:
                try:
                    event = self._queue.get(timeout=idle_s)
                except queue.Empty:
                    yield None
                    continue
                if event is None:
                    self._running -= 1
                else:
                    yield event
        finally:
            self._stopped.set()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set() and (ref := self._next_ref()) is not None:
                self._decode(Job(ref))
        finally:
            self._put(None)

    def _decode(self, job: Job) -> None:
        decode = self._decode_audio if self._extractor.media == "audio" else self._decode_video
        try:
            decode(job)
        except VideoError as error:
            self._put(Failed(job, str(error)))
        except Exception as error:
            log.exception("%s: unexpected error while decoding", job.ref.path)
            self._put(Failed(job, f"{job.ref.path}: unexpected {type(error).__name__}: {error} (please report this)"))

    def _decode_video(self, job: Job) -> None:
        fps = getattr(self._extractor.config, "extraction_fps", None)
        with job.timed("decode"):
            times_s = frame_times_s(job.ref.path, fps) if self._extractor.needs_times else None
            stream = VideoStream(job.ref.path, fps=fps)
        with stream:
            job.info = StreamInfo(float(stream.info.fps), stream.info.height, stream.info.width, times_s=times_s)
            sampling = self._extractor.sampling(job.info)
            stream.wanted = sampling.wanted
            self._put(Opened(job, sampling))
            chunks = iter(stream)
            while not (job.dropped or self._stopped.is_set()):
                with job.timed("decode"):
                    frames = next(chunks, None)
                if frames is None:
                    break
                self._keep(job, frames.index, frames.pixels)
                self._put(Chunk(job, self._prepared(job, torch.from_numpy(frames.pixels)), frames.pts_s))
            job.decoded, job.declared = stream.report.decoded, stream.report.declared
            job.problems, job.partial = list(stream.report.problems), stream.report.partial
        if times_s is not None and len(times_s) < (job.declared or 0):  # decoding may have ended before the cut
            job.problems.append(f"the file holds {len(times_s)} of {job.declared} frames")
            job.partial = True
        self._put(Ended(job))

    def _decode_audio(self, job: Job) -> None:
        rate_hz = self._extractor.rate_hz
        with job.timed("decode"):
            stream = AudioStream(job.ref.path, rate_hz)
        with stream:
            job.info = StreamInfo(rate_hz=rate_hz)
            self._put(Opened(job, self._extractor.sampling(job.info)))
            blocks, n_samples = iter(stream), 0
            while not (job.dropped or self._stopped.is_set()):
                with job.timed("decode"):
                    block = next(blocks, None)
                if block is None:
                    break
                times_s = np.arange(n_samples, n_samples + len(block)) / rate_hz
                n_samples += len(block)
                self._put(Chunk(job, self._prepared(job, torch.from_numpy(block)), times_s))
            job.decoded = n_samples
            job.problems, job.partial = list(stream.report.problems), stream.report.partial
        self._put(Ended(job))

    def _prepared(self, job: Job, units: Tensor) -> Tensor:
        """Prepare on this thread where the CPU is the device; else send the raw units to the device."""
        device = self._extractor.device
        if device.type == "cpu":
            with job.timed("prepare"):
                return self._extractor.prepare(units)
        return units.pin_memory()

    def _keep(self, job: Job, index: np.ndarray, pixels: np.ndarray) -> None:
        if self._frames_folder is None:
            return
        from PIL import Image

        folder = self._frames_folder / job.ref.name
        folder.mkdir(parents=True, exist_ok=True)
        for i, frame in zip(index, pixels, strict=True):
            Image.fromarray(frame).save(folder / f"{i:06d}.png", compress_level=1)

    def _put(self, event: Event | None) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(event, timeout=0.5)
                return
            except queue.Full:
                continue
