"""The decode threads: several videos at once, each a bounded stream of prepared frames and of sound."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils.errors import FeatmillError, RunError
from utils.extractors.base import Extractor, StreamInfo
from utils.extractors.windows import Sampling
from utils.media.audio import AudioStream
from utils.media.frame_stream import FrameStream, open_frames
from utils.media.frame_times import frame_times_s
from utils.media.limits import Limits
from utils.media.report import VideoReport
from utils.media.segment import Segment
from utils.media.sound_rules import SoundRules
from utils.media.video import Frames
from utils.media.view import View
from utils.nn.out_of_memory import is_out_of_memory
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef
from utils.worker.events import ChunkDecoded, Event, Job, StreamEnded, StreamFailed, StreamOpened
from utils.worker.kept_frames import keep
from utils.worker.plan import Task
from utils.worker.queues import BoundedQueue, Closed

log = logging.getLogger(__name__)

QUEUE_CHUNKS = 4  # chunks decoded in advance, over all threads
QUEUE_BYTES = 256 << 20  # of them; a chunk has 32 MiB of pixels at most, unless a single frame has more


@dataclass(frozen=True)
class _ThreadEnded:
    """One decode thread has no more videos; with the error that stops the run, if there was one."""

    error: Exception | None = None


class Decoders:
    """Threads that take tasks from `next_task` until it returns None, and yield what they decode.

    extractors: by feature type.
    watching: makes a context for a video's id, around each call that opens it or decodes a piece of it.
    frames_folders: where --keep_frames wants a feature type's frames.
    """

    def __init__(
        self,
        extractors: Mapping[str, Extractor],
        next_task: Callable[[], Task | None],
        n_threads: int,
        limits: Limits | None = None,
        watching: Callable[[str], AbstractContextManager[None]] = lambda video_id: contextlib.nullcontext(),
        frames_folders: Mapping[str, Path] | None = None,
    ) -> None:
        self._extractors = extractors
        self._next_task = next_task
        self._limits = limits or Limits()
        self._watching = watching
        self._frames_folders = frames_folders or {}
        self._queue: BoundedQueue[Event | _ThreadEnded] = BoundedQueue(QUEUE_CHUNKS, QUEUE_BYTES)
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n_threads)]
        self._running = n_threads

    def events(self, idle_s: float) -> Iterator[Event | None]:
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

    def _run(self) -> None:
        with contextlib.suppress(Closed):
            try:
                while (task := self._next_task()) is not None:
                    self._decode(task)
            except Closed:
                raise
            except Exception as error:  # goes on in the main thread
                self._queue.put(_ThreadEnded(error))
            else:
                self._queue.put(_ThreadEnded())

    def _decode(self, task: Task) -> None:
        """Decode the pictures of a task, then its sound at each rate and by all rules that are wanted.

        One after the other, though they lie interleaved in the file: reading it twice costs little beside decoding,
        other threads have other videos, and neither stream ever has to wait for the other's windows.
        """
        with self._watching(task.ref.id):  # a store may give no answer
            source = fingerprint(task.ref)
        jobs = [Job(task.ref, feature_type, source) for feature_type in task.feature_types]
        pictures = [job for job in jobs if self._extractor(job).media == "video"]
        if pictures:
            self._guarded(pictures, lambda: self._decode_pictures(task.ref, pictures))
        sound: dict[tuple[int, SoundRules], list[Job]] = {}
        for job in jobs:
            extractor = self._extractor(job)
            if extractor.media == "audio":
                sound.setdefault((extractor.rate_hz, extractor.sound_rules), []).append(job)
        for group in sound.values():
            self._guarded(group, lambda group=group: self._decode_sound(task.ref, group))

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
        except FeatmillError as error:
            reason = str(error)
        except Exception as error:
            if is_out_of_memory(error):
                reason = f"{label}: no memory to decode it; --decode_threads 1 and fewer --num_workers take less"
            else:
                log.exception("%s: unexpected error while decoding", label)
                reason = f"{label}: unexpected {type(error).__name__}: {error} (please report this)"
        for job in self._open(jobs):
            self._tell(StreamFailed(job, reason))
        return False

    def _open(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that want more."""
        return [job for job in jobs if not (job.told or job.dropped)]

    def _tell(self, last: StreamEnded | StreamFailed) -> None:
        last.job.told = True
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

    def _decode_pictures(self, ref: VideoRef, jobs: list[Job]) -> None:
        segment, rates = Segment(ref.start_s, ref.end_s), [self._fps(job) for job in jobs]
        with self._decoding(jobs):
            counts = {
                fps: VideoReport() for job, fps in zip(jobs, rates, strict=True) if self._extractor(job).needs_times
            }
            times_s = {
                fps: frame_times_s(ref.media, fps, segment, self._limits, report) for fps, report in counts.items()
            }
            views = tuple(View(fps) for fps in rates)
            device_type = self._extractor(jobs[0]).device.type  # a worker has one device
            stream = open_frames(ref.media, views, segment, self._limits, device_type)
        with stream:
            takers = self._takers(stream, jobs, rates, times_s)
            chunks = iter(stream)
            while live := self._open(jobs):
                with self._decoding(live):
                    frames = next(chunks, None)
                if frames is None:
                    break
                self._hand_out(takers.get(frames.view, []), frames)
                if not self._open(takers.get(frames.view, [])):
                    stream.want(frames.view, ())
            for job, fps in zip(jobs, rates, strict=True):
                if not (job.told or job.dropped):
                    counted = counts.get(fps) if self._extractor(job).needs_times else None
                    self._sum_up_pictures(job, stream, counted)

    def _takers(
        self,
        stream: FrameStream,
        jobs: Sequence[Job],
        rates: Sequence[float | None],
        times_s: Mapping[float | None, np.ndarray],
    ) -> dict[int, list[Job]]:
        """Say which frames each job wants, and return the jobs by the view of the stream that they take.

        Each job has a view of its own; of those that want the same frames, all take the first one's.
        """
        views: dict[tuple[float | None, tuple[int, ...] | None], int] = {}
        takers: dict[int, list[Job]] = {}
        for i, (job, fps, info) in enumerate(zip(jobs, rates, stream.infos, strict=True)):
            times = times_s[fps] if self._extractor(job).needs_times else None
            job.info = StreamInfo(float(info.fps), info.height, info.width, times_s=times)
            sampling = self._sampling(job)
            view = i
            if sampling is not None:
                wanted = sampling.wanted
                view = views.setdefault((fps, None if wanted is None else tuple(wanted)), i)
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
        units = self._on_host(torch.from_numpy(frames.pixels))
        for job in self._open(jobs):
            if job.feature_type in self._frames_folders:
                keep(frames, self._frames_folders[job.feature_type] / job.ref.name)
            self._hand_over(job, units, frames.pts_s)

    def _hand_over(self, job: Job, units: Tensor, times_s: np.ndarray) -> None:
        """Pass units on: prepared in this thread where the CPU is the device, else as they are."""

        def prepared() -> None:
            with job.timed("prepare"):
                ready.append(self._extractor(job).prepare(units))

        ready = [] if self._extractor(job).device.type == "cpu" else [units]
        if ready or self._guarded([job], prepared):
            self._queue.put(ChunkDecoded(job, ready[0], times_s), ready[0].nbytes)

    def _on_host(self, units: Tensor) -> Tensor:
        """Return units where the device can copy them from."""
        on_cpu = all(extractor.device.type == "cpu" for extractor in self._extractors.values())
        return units if on_cpu else units.pin_memory()

    def _sum_up_pictures(self, job: Job, stream: FrameStream, counted: VideoReport | None) -> None:
        """Note how decoding ended. counted: what counting the frames found, beyond the last frame wanted, too."""
        report = stream.report
        summary = VideoReport(list(report.problems), report.partial)
        job.decoded, job.declared = report.decoded, report.declared
        if counted is not None:
            summary.take_over(counted)
            job.declared = report.declared or counted.declared
        job.problems, job.partial = summary.problems, summary.partial
        self._tell(StreamEnded(job))

    def _decode_sound(self, ref: VideoRef, jobs: list[Job]) -> None:
        """Decode the sound for jobs that want it at the same rate, by the same rules."""
        segment, extractor = Segment(ref.start_s, ref.end_s), self._extractor(jobs[0])
        rate_hz, rules = extractor.rate_hz, extractor.sound_rules
        with self._decoding(jobs):
            stream = AudioStream(ref.media, rate_hz, segment=segment, limits=self._limits, rules=rules)
        with stream:
            for job in jobs:
                job.info = StreamInfo(rate_hz=rate_hz)
                self._sampling(job)
            blocks, n_samples = iter(stream), 0
            while live := self._open(jobs):
                with self._decoding(live):
                    block = next(blocks, None)
                if block is None:
                    break
                times_s = stream.start_s + np.arange(n_samples, n_samples + len(block)) / rate_hz
                n_samples += len(block)
                units = self._on_host(torch.from_numpy(block))
                for job in live:
                    self._hand_over(job, units, times_s)
            for job in self._open(jobs):
                job.decoded = n_samples
                job.problems, job.partial = list(stream.report.problems), stream.report.partial
                self._tell(StreamEnded(job))

    def _extractor(self, job: Job) -> Extractor:
        return self._extractors[job.feature_type]

    def _fps(self, job: Job) -> float | None:
        return getattr(self._extractor(job).config, "extraction_fps", None)
