"""The decode threads: several videos at once, each a bounded stream of prepared frames and of sound."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from utils.errors import RunError
from utils.extractors.base import AnyExtractor, AudioExtractor, AudioStreamInfo, VideoExtractor, VideoStreamInfo
from utils.extractors.windows import Sampling
from utils.media.audio import AudioStream
from utils.media.audio_rules import AudioRules
from utils.media.frame_stream import FrameStream
from utils.media.frame_times import frame_times_s
from utils.media.layout import Yuv
from utils.media.limits import Limits
from utils.media.report import VideoReport
from utils.media.segment import Segment
from utils.media.video import Frames
from utils.media.view import View
from utils.nn.cpu.threads import set_threads
from utils.sources.ref import VideoRef
from utils.worker.decode_errors import outcome_of
from utils.worker.events import ChunkDecoded, Event, Job, StreamEnded, StreamFailed, StreamOpened, jobs_of
from utils.worker.kept_frames import save_frames
from utils.worker.open_frames import FrameOpener
from utils.worker.plan import Task
from utils.worker.queues import BoundedQueue, Closed
from utils.worker.watchdog import Timed

QUEUE_CHUNKS = {"cpu": 4, "cuda": 256, "mps": 256}  # chunks decoded in advance, over all threads
# Bytes of them; a chunk has 32 MiB of pixels at most, unless a single frame has more. A GPU takes several batches.
QUEUE_BYTES = {"cpu": 256 << 20, "cuda": 1 << 30, "mps": 1 << 30}


@dataclass(frozen=True)
class _ThreadEnded:
    """One decode thread has no more videos; with the error that stops the run, if there was one."""

    error: Exception | None = None


class Decoders:
    """Threads that take tasks from `next_task` until it returns None, and yield what they decode.

    extractors: by feature type.
    watching: makes a context for a video's id, around each call that opens it or decodes a piece of it.
    following: the same for a stream, while it is decoded, or for the report while its frames are counted.
    frames_folders: where --keep_frames wants a feature type's frames.
    is_recorded: whether manifest lines will say what each input was.
    """

    def __init__(
        self,
        extractors: Mapping[str, AnyExtractor],
        next_task: Callable[[], Task | None],
        n_threads: int,
        limits: Limits | None = None,
        watching: Callable[[str], AbstractContextManager[None]] = lambda video_id: contextlib.nullcontext(),
        following: Callable[[str, Timed], AbstractContextManager[None]] = lambda _id, _stream: contextlib.nullcontext(),
        frames_folders: Mapping[str, Path] | None = None,
        is_recorded: bool = True,
    ) -> None:
        self._extractors = extractors
        device_type = next(iter(extractors.values())).device.type  # a worker has one device
        self._next_task = next_task
        self._limits = limits or Limits()
        self._opener = FrameOpener(device_type, self._limits)
        self._watching, self._following = watching, following
        self._frames_folders, self._is_recorded = frames_folders or {}, is_recorded
        self._queue: BoundedQueue[Event | _ThreadEnded] = BoundedQueue(
            QUEUE_CHUNKS[device_type], QUEUE_BYTES[device_type]
        )
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n_threads)]
        self._running = n_threads

    def events(self, idle_s: float) -> Generator[Event | None, None, None]:
        """Yield events in order per job, and None whenever nothing came for `idle_s` seconds.

        Raises:
            RunError: a frame that is to be kept cannot be written.
        """
        for thread in self._threads:
            thread.start()
        try:
            while self._running:
                event = self._queue.get(idle_s)
                if not isinstance(event, _ThreadEnded):
                    yield event
                    continue
                self._running -= 1
                if event.error is not None:
                    raise event.error
        finally:
            self._queue.close()

    def join(self, timeout_s: float) -> None:
        """Wait for each thread to end, after `events` was closed."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout_s)

    def _run(self) -> None:
        set_threads(1)  # on two, PyTorch's resizes round otherwise
        with contextlib.suppress(Closed):
            try:
                while (task := self._next_task()) is not None:
                    self._decode(task)
            except Closed:
                raise
            except Exception as error:  # raised again in the main thread
                self._queue.put(_ThreadEnded(error))
            else:
                self._queue.put(_ThreadEnded())
            finally:
                self._opener.close()

    def _decode(self, task: Task) -> None:
        """Decode the pictures of a task, then its sound at each rate and by all rules that are wanted.

        One after the other, though they lie interleaved in the file: reading it twice costs little beside decoding,
        other threads have other videos, and neither stream ever has to wait for the other's windows.
        """
        with self._watching(task.ref.id):  # a store may give no answer
            jobs = jobs_of(task, self._wants_audio, self._is_recorded)
        for job in jobs:
            if job.ref.refused is not None:
                status, reason = job.ref.refused
                self._tell(StreamFailed(job, reason, status))
        pictures = [(job, one) for job in self._open(jobs) if isinstance(one := self._extractor(job), VideoExtractor)]
        if pictures:
            self._guarded([job for job, _ in pictures], lambda: self._decode_pictures(pictures[0][0].ref, pictures))
        sound: dict[tuple[int, AudioRules], list[Job]] = {}
        for job in self._open(jobs):
            if isinstance(extractor := self._extractor(job), AudioExtractor):
                sound.setdefault((extractor.rate_hz, extractor.audio_rules), []).append(job)
        for (rate_hz, rules), group in sound.items():
            self._guarded(group, functools.partial(self._decode_audio, group[0].ref, rate_hz, rules, group))

    def _wants_audio(self, feature_type: str) -> bool:
        return isinstance(self._extractors[feature_type], AudioExtractor)

    def _guarded(self, jobs: Sequence[Job], work: Callable[[], None]) -> bool:
        """Do `work`; where it cannot be done, fail those of its jobs that have not ended. Return whether it was done.

        Raises:
            Closed: nobody takes what is decoded any more.
            RunError: the machine fails.
        """
        label = jobs[0].ref.label
        try:
            work()
            return True
        except (Closed, RunError):
            raise
        except Exception as error:
            status, reason = outcome_of(error, label)
        for job in self._open(jobs):
            self._tell(StreamFailed(job, reason, status))
        return False

    def _open(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that want more."""
        return [job for job in jobs if not (job.ended or job.dropped)]

    def _tell(self, last: StreamEnded | StreamFailed) -> None:
        last.job.ended = True
        self._queue.put(last)

    @contextlib.contextmanager
    def _decoding(self, jobs: Sequence[Job]) -> Generator[None, None, None]:
        """Watch what is decoded inside for these jobs of one video, and share its seconds among them."""
        start = time.perf_counter()
        try:
            with self._watching(jobs[0].ref.id):
                yield
        finally:
            share = (time.perf_counter() - start) / len(jobs)
            for job in jobs:
                job.seconds["decode"] += share

    def _decode_pictures(self, ref: VideoRef, pictures: Sequence[tuple[Job, VideoExtractor[Any]]]) -> None:
        segment, jobs = Segment(ref.start_s, ref.end_s), [job for job, _ in pictures]
        with self._decoding(jobs):
            counts = {one.extraction_fps: VideoReport() for _, one in pictures if one.needs_times}
            by_rate: dict[float | None, np.ndarray] = {}
            for fps, report in counts.items():
                with self._following(ref.id, report):
                    by_rate[fps] = frame_times_s(ref.media, fps, segment, self._limits, report)
            times_s = [by_rate[one.extraction_fps] if one.needs_times else None for _, one in pictures]
            views = [one.view for _, one in pictures]
            kept = any(job.feature_type in self._frames_folders for job in jobs)
            as_planes = not kept and pictures[0][1].device.type == "cuda"
            gpu = pictures[0][1].device.index if as_planes and all(one.decodes_on_gpu for _, one in pictures) else None
            stream = self._opener.open(ref.media, views, segment, as_planes, gpu)
        with stream, self._following(ref.id, stream):
            takers = self._takers(stream, jobs, views, times_s)
            chunks = iter(stream)
            while live := self._open(jobs):
                with self._decoding(live):
                    frames = next(chunks, None)
                if frames is None:
                    break
                self._hand_out(takers.get(frames.view, []), frames)
                if not self._open(takers.get(frames.view, [])):
                    stream.want(frames.view, ())
            for job, one in pictures:
                if self._open([job]):
                    job.sum_up(stream.report, counts.get(one.extraction_fps) if one.needs_times else None)
                    self._tell(StreamEnded(job))

    def _takers(
        self,
        stream: FrameStream,
        jobs: Sequence[Job],
        asked: Sequence[View],
        times_s: Sequence[np.ndarray | None],
    ) -> dict[int, list[Job]]:
        """Say which frames each job wants, and return the jobs by the view of the stream that they take.

        Each job has its own view; of those that want the same frames, all take the first one's.
        """
        views: dict[View, int] = {}
        takers: dict[int, list[Job]] = {}
        for i, (job, one, times, info) in enumerate(zip(jobs, asked, times_s, stream.infos, strict=True)):
            source_fps = None if info.source_fps is None else float(info.source_fps)
            job.info = VideoStreamInfo(float(info.fps), info.height, info.width, times, source_fps)
            sampling = self._sampling(job)
            view = i
            if sampling is not None:
                wanted = sampling.wanted
                view = views.setdefault(replace(one, wanted=None if wanted is None else tuple(wanted)), i)
                takers.setdefault(view, []).append(job)
                if view == i and wanted is not None:
                    stream.want(i, wanted)
            if sampling is None or view != i:
                stream.want(i, ())
        return takers

    def _sampling(self, job: Job) -> Sampling | None:
        """Return what a job wants of its stream; None if its extractor cannot use the stream."""
        found: list[Sampling] = []
        if not self._guarded([job], lambda: found.append(self._extractor(job).sampling(job.info))):
            return None
        self._queue.put(StreamOpened(job, found[0]))
        return found[0]

    def _hand_out(self, jobs: Sequence[Job], frames: Frames) -> None:
        pixels = torch.as_tensor(frames.pixels)
        for job in self._open(jobs):
            if (folder := self._frames_folders.get(job.feature_type)) is not None:
                save_frames(folder / job.ref.name, frames)
            self._hand_over(job, pixels, frames.pts_s, frames.yuv)

    def _hand_over(self, job: Job, decoded: Tensor, times_s: np.ndarray, yuv: Yuv | None = None) -> None:
        """Pass frames or samples on: prepared in this thread if the CPU is the device, else as decoded."""

        def prepare() -> None:
            with job.timed("prepare"):
                ready.append(self._extractor(job).resize_and_prepare(decoded))

        ready = [] if self._extractor(job).device.type == "cpu" else [decoded]
        if ready or self._guarded([job], prepare):
            self._queue.put(ChunkDecoded(job, ready[0], times_s, yuv), ready[0].nbytes)

    def _decode_audio(self, ref: VideoRef, rate_hz: int, rules: AudioRules, jobs: list[Job]) -> None:
        segment = Segment(ref.start_s, ref.end_s)
        with self._decoding(jobs):
            stream = AudioStream(ref.media, rate_hz, segment=segment, limits=self._limits, rules=rules)
        with stream, self._following(ref.id, stream):
            for job in jobs:
                job.info = AudioStreamInfo(rate_hz)
                self._sampling(job)
            blocks, n_samples = iter(stream), 0
            while live := self._open(jobs):
                with self._decoding(live):
                    block = next(blocks, None)
                if block is None:
                    break
                times_s = stream.start_s + np.arange(n_samples, n_samples + len(block)) / rate_hz
                n_samples += len(block)
                samples = torch.from_numpy(block)  # pyright: ignore[reportUnknownMemberType]  # untyped
                for job in live:
                    self._hand_over(job, samples, times_s)
            for job in self._open(jobs):
                job.decoded, job.length_s = n_samples, n_samples / rate_hz
                job.problems, job.partial = list(stream.report.problems), stream.report.partial
                self._tell(StreamEnded(job))

    def _extractor(self, job: Job) -> AnyExtractor:
        return self._extractors[job.feature_type]
