"""One worker's way from decoded frames to finished records: the only file that knows the order of the stages."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils.errors import VideoError
from utils.extractors.base import AnyExtractor, AudioStreamInfo, VideoStreamInfo
from utils.nn.device_copy import DeviceCopies
from utils.nn.host_copy import HostCopy
from utils.nn.out_of_memory import advice, free_cached, is_out_of_memory, run_if_it_fits, run_with_room
from utils.sinks.manifest_line import Status
from utils.sinks.record import Record
from utils.worker.assemble import Rows
from utils.worker.batch import Packed, Packer, split, stacked
from utils.worker.decode import Decoders
from utils.worker.events import ChunkDecoded, Event, Job, StreamEnded, StreamFailed, StreamOpened
from utils.worker.pair_cache import PairLimits
from utils.worker.window_builder import WindowBuilder, Windows

IDLE_S = 0.2  # without news for so long and with no video open, batches that are not full are run
IN_FLIGHT = 1  # batches whose results stay on the device while the next one is launched


@dataclass
class Outcome:
    """How one video ended: with a record, or as "failed" or "skipped" with the reason."""

    job: Job
    status: Status
    reason: str
    record: Record | None = None
    n_windows: int = 0
    n_repeated: int = 0

    @property
    def n_bytes(self) -> int:
        """How much memory it holds."""
        return sum(array.nbytes for array in self.record.arrays.values()) if self.record else 0


@dataclass(eq=False)
class _Video:
    job: Job
    builder: WindowBuilder
    rows: Rows
    n_windows: int | None = None  # known once the stream has ended


_Launched = tuple[Packed[_Video], HostCopy]  # a batch, and what its network will have given


def run(pipelines: Mapping[str, "Pipeline"], decoders: Decoders, check: Callable[[], None] = lambda: None) -> None:
    """Give what is decoded to the pipeline of its feature type, until the decoders have no more videos.

    check: called when there is nothing to do; raises what stops the run.
    """
    with torch.inference_mode():
        for event in decoders.events(IDLE_S):
            if event is not None:
                pipelines[event.job.feature_type].take(event)
                continue
            check()
            for pipeline in pipelines.values():
                pipeline.idle()
        for pipeline in pipelines.values():
            pipeline.flush()


@dataclass
class Pipeline:
    """Runs the stages after decoding for one feature type, for several videos at once.

    A batch that does not fit in the device's memory is retried in halves, and later ones are no larger for a while. A
    video whose single window does not fit fails alone.

    finish: called with each video's outcome. windows_done: called with the number of rows that a batch completes.
    predicted: called with the video, a row's number, its start and end in seconds, and its logits by key, if any.
    warn: called with a line for the user. spill: folder for outputs that do not fit in memory; None for the system's.
    """

    extractor: AnyExtractor
    batch_size: int
    spill: Path | None
    finish: Callable[[Outcome], None]
    windows_done: Callable[[int], None]
    predicted: Callable[[Job, int, tuple[float, float], dict[str, np.ndarray]], None]
    warn: Callable[[str], None]
    _videos: dict[Job, _Video] = field(default_factory=dict[Job, _Video], init=False)
    _in_flight: deque[_Launched] = field(default_factory=deque["_Launched"], init=False)

    def __post_init__(self) -> None:
        self._copies = DeviceCopies(self.extractor.device) if self.extractor.device.type == "cuda" else None
        # with batches of one shape, cuDNN searches its algorithms once
        self._packer: Packer[_Video] = Packer(self.batch_size, bool(self._copies) and self.extractor.fills_batches)
        self._least_warned = self.batch_size
        self._pair_limits = PairLimits(self._make_room, self._warn_of_pairs)

    def take(self, event: Event) -> None:
        """Do all that has become possible by what a decode thread says."""
        job = event.job
        if job.dropped:
            return
        with self._failing_alone(job):
            match event:
                case StreamOpened():
                    one = self.extractor
                    predicted = partial(self.predicted, job)
                    rows = Rows(tuple(one.keys), one.streamed, self.spill, one.pooling(job.info), predicted)
                    builder = WindowBuilder(one, event.sampling, self._pair_limits, job.period_s)
                    self._videos[job] = _Video(job, builder, rows)
                case ChunkDecoded():
                    video = self._videos[job]
                    self._build(video, video.builder.push(self._prepared(event), event.times_s))
                case StreamEnded():
                    self._end(self._videos[job])
                case StreamFailed():
                    self._fail(job, event.reason, event.status)

    @contextlib.contextmanager
    def _failing_alone(self, job: Job) -> Generator[None, None, None]:
        """Fail a video, and no other, for which the work inside cannot be done."""
        try:
            yield
        except VideoError as error:  # of the model, which does not know the video's name
            self._fail(job, f"{job.ref.label}: {error}")
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            remedy = advice(self.extractor.device)
            self._fail(job, f"{job.ref.label}: its frames or rows do not fit in memory; {remedy}")

    def idle(self) -> None:
        """Run what waits for a full batch, unless windows of an open video may still fill it."""
        if all(video.n_windows is not None for video in self._videos.values()):
            self.flush()

    def flush(self) -> None:
        """Run what waits for a full batch."""
        for rows in self._packer.flush():
            self._launch(rows)
        self._collect_all()

    def _prepared(self, chunk: ChunkDecoded) -> Tensor:
        """Return frames as windows keep them; on a CPU a decode thread has prepared them."""
        device, copies = self.extractor.device, self._copies
        if device.type == "cpu":
            return chunk.frames

        def prepare() -> Tensor:
            frames = chunk.frames.to(device) if copies is None else copies.copy(chunk.frames)
            return self.extractor.prepared(frames, chunk.yuv)

        return run_with_room(prepare, self._make_room)

    def _build(self, video: _Video, windows: Iterator[Windows]) -> None:
        """Take windows as they come, until there are no more or the video fails."""
        while not video.job.dropped:
            with video.job.timed("cut"):
                window = next(windows, None)
            if window is None:
                return
            for rows in self._packer.add(video, window):
                self._launch(rows)

    def _end(self, video: _Video) -> None:
        self._build(video, video.builder.finish())
        if video.job.dropped:
            return
        video.n_windows = video.builder.n_rows
        if n_stretched := video.builder.n_stretched:
            video.job.problems.append(f"{n_stretched} frames of another size are stretched to the shape of the first")
        self._settle(video)

    def _launch(self, rows: Packed[_Video]) -> None:
        """Start the network on a batch, or on parts of it that fit."""
        parts, window = deque([rows]), rows[0][1]
        planned = self._packer.capacity(window)
        while parts:
            part = [(video, window) for video, window in parts.popleft() if not video.job.dropped]
            if not part:
                continue
            outputs = self._outputs(part)
            if outputs is not None:
                self._in_flight.append((part, outputs))
                self._packer.fitted(window)
            elif (size := self._packer.size(part)) > 1:
                half = size // 2
                self._packer.lower(window, size - half)
                parts.extendleft(reversed(split(part, half)))
            else:
                device, job = self.extractor.device, part[0][0].job
                self._fail(job, f"{job.ref.label}: one window does not fit in the memory of {device}; {advice(device)}")
        if (now := self._packer.capacity(window)) < min(planned, self._least_warned):
            self._least_warned = now
            self.warn(
                f"{planned} windows do not fit in the memory of {self.extractor.device}: batches of {now} for now "
                f"(--batch_size {now} starts with them)"
            )
        while len(self._in_flight) > IN_FLIGHT:
            self._collect()

    def _outputs(self, rows: Packed[_Video]) -> HostCopy | None:
        """Return what the network makes of a batch, or None if it does not fit in memory; more has been freed then."""
        size = self._packer.size(rows)

        def forward() -> HostCopy:
            return HostCopy(self.extractor.outputs(stacked([window for _, window in rows], size)))

        with rows[0][0].job.timed("network"):
            outputs = run_if_it_fits(forward)
        if outputs is None:
            self._make_room()
            if size == 1:  # it may fit now
                outputs = run_if_it_fits(forward)
        return outputs

    def _make_room(self) -> None:
        """Free whatever need not stay on the device."""
        self._collect_all()
        free_cached(self.extractor.device)

    def _warn_of_pairs(self, size: tuple[int, int], most: int) -> None:
        self.warn(
            f"pairs of {size[1]}x{size[0]} frames do not fit in the memory of {self.extractor.device} as planned: "
            f"{most} at once from now on"
        )

    def _collect_all(self) -> None:
        while self._in_flight:
            self._collect()

    def _collect(self) -> None:
        """Copy the oldest batch's results to the host and give them to their videos."""
        rows, outputs = self._in_flight.popleft()
        with rows[0][0].job.timed("network"):
            arrays = {key: self._to_numpy(value) for key, value in outputs.wait().items()}
        made = stop = 0
        for video, windows in rows:
            start, stop = stop, stop + len(windows)
            if not video.job.dropped:
                made += video.rows.add(windows, {key: array[start:stop] for key, array in arrays.items()})
        self.windows_done(made)
        for video in {id(video): video for video, _ in rows if not video.job.dropped}.values():
            with self._failing_alone(video.job):
                self._settle(video)

    def _settle(self, video: _Video) -> None:
        """Hand the video over if all its windows have come back."""
        if video.n_windows is None or len(video.rows) < video.n_windows:
            return
        if tail := video.rows.close():
            self.windows_done(tail)
        job, video.n_windows = video.job, video.rows.n_made
        if video.n_windows == 0:
            nothing = self.extractor.no_windows(video.builder.n_frames, job.info)
            self._fail(job, f"{job.ref.label}: {nothing.reason}", nothing.status)
            return
        status = "partial" if job.partial else "done"
        reason = f"{job.ref.label}: {'; '.join(job.problems)}" if job.partial else ""
        self._close(Outcome(job, status, reason, self._record(video), video.n_windows, video.rows.n_repeated))

    def _record(self, video: _Video) -> Record:
        job, extractor, info = video.job, self.extractor, video.job.info
        arrays = extractor.finish(video.rows.arrays())
        features, start_s, end_s = list(arrays), None, None
        # An average may have as many rows (crops, say) as there are windows, so the shape alone does not tell.
        has_times = extractor.with_times or isinstance(info, AudioStreamInfo)
        if has_times and all(array.ndim > 1 and len(array) == video.n_windows for array in arrays.values()):
            start_s, end_s = video.rows.times_s()
            if isinstance(info, AudioStreamInfo):  # the time of the last sample is when it begins
                end_s += 1 / info.rate_hz
        if isinstance(info, VideoStreamInfo) and extractor.with_times:
            arrays["fps"] = np.array(info.fps, np.float64)
            arrays["timestamps_ms"] = video.rows.timestamps_ms(with_first=extractor.frame_times)
        return Record(job.ref, arrays, features, extractor.attributes, start_s, end_s, job.feature_type)

    def _fail(self, job: Job, reason: str, status: Status = "failed") -> None:
        self._close(Outcome(job, status, reason))

    def _close(self, outcome: Outcome) -> None:
        outcome.job.dropped = True
        self._videos.pop(outcome.job, None)
        self.finish(outcome)

    def _to_numpy(self, values: Tensor) -> np.ndarray:
        """Return features as they are saved: floats in the extractor's type, integers unchanged."""
        return (values.to(self.extractor.row_dtype) if values.is_floating_point() else values).numpy()
