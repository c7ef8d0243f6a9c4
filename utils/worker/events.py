"""One video and feature type on its way through a worker, and what a decode thread says of it."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from utils.extractors.base import StreamInfo, VideoStreamInfo
from utils.extractors.windows import Sampling
from utils.media.layout import Yuv
from utils.media.report import VideoReport
from utils.sinks.manifest_line import Status
from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.ref import VideoRef
from utils.worker.plan import Task


@dataclass(eq=False)
class Job:
    """One feature type of one video, with what is learned on the way."""

    ref: VideoRef
    feature_type: str
    source: Fingerprint = field(default_factory=Fingerprint)  # what the input was before it was decoded, if recorded
    revision: int = 0  # of its manifest line
    task_types: tuple[str, ...] = ()  # all feature types that are extracted of the video now, this one included
    info: StreamInfo | None = None  # once its stream is opened
    seconds: dict[str, float] = field(  # by stage; those of a shared decoder in equal parts
        default_factory=lambda: defaultdict(float)
    )
    decoded: int = 0  # frames or samples that came out of the decoder
    declared: int | None = None  # frames that the header promises
    length_s: float | None = None  # of what is extracted of the video or sound, where that is known
    problems: list[str] = field(default_factory=list[str])
    partial: bool = False
    dropped: bool = False  # it failed further down: no need to decode the rest
    ended: bool = False  # the decode thread has put StreamEnded or StreamFailed, and puts no more

    @property
    def period_s(self) -> float:
        """Seconds between frames or samples, by the rate of the stream; 0 before it is opened."""
        return self.info.period_s if self.info else 0.0

    @contextlib.contextmanager
    def timed(self, stage: str) -> Generator[None, None, None]:
        """Add the time spent inside to the stage's seconds."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def sum_up(self, report: VideoReport, counted: VideoReport | None) -> None:
        """Note how decoding ended. counted: what counting the frames found, also after the last frame wanted."""
        summary = VideoReport(list(report.problems), report.partial)
        self.decoded, self.declared = report.decoded, report.declared
        if counted is not None:
            summary.take_over(counted)
            self.declared = report.declared or counted.declared
        self.problems, self.partial = summary.problems, summary.partial
        self.length_s = report.length_s
        rate = self.info.source_fps if isinstance(self.info, VideoStreamInfo) else None
        if rate and (self.partial or self.length_s is None):  # the header may promise more than there is
            self.length_s = report.decoded / rate


def jobs_of(task: Task, wants_audio: Callable[[str], bool], is_recorded: bool) -> list[Job]:
    """Return a job for each feature type of a task, with what its input is now.

    wants_audio: of a feature type; the frames and the sound of a video may be two inputs.
    is_recorded: whether a manifest line will say what the input was; else nobody looks.
    """
    sources: dict[int, Fingerprint] = {}
    jobs: list[Job] = []
    for feature_type in task.feature_types:
        ref = task.ref.part(wants_audio(feature_type)) or task.ref
        if id(ref) not in sources:
            sources[id(ref)] = fingerprint(ref) if is_recorded else Fingerprint()
        jobs.append(Job(ref, feature_type, sources[id(ref)], task.revisions.get(feature_type, 0), task.feature_types))
    return jobs


@dataclass(frozen=True)
class StreamOpened:
    """A video's stream is known, and which windows are wanted of it; its chunks follow."""

    job: Job
    sampling: Sampling


@dataclass(frozen=True)
class ChunkDecoded:
    """The next frames of a video, [n, ...], with their times in seconds [n]. Several jobs may hold the same frames.

    yuv: what the frames are, if not RGB.
    """

    job: Job
    frames: Tensor
    times_s: np.ndarray
    yuv: Yuv | None = None


@dataclass(frozen=True)
class StreamEnded:
    """A video's stream is at its end."""

    job: Job


@dataclass(frozen=True)
class StreamFailed:
    """A video cannot be decoded (any further). status: "skipped" where the user expects that, else "failed"."""

    job: Job
    reason: str
    status: Status = "failed"


Event = StreamOpened | ChunkDecoded | StreamEnded | StreamFailed
