"""One worker's way from decoded frames to finished records: the only file that knows the order of the stages."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from utils.assemble import Record, Rows
from utils.batch import Packed, Packer
from utils.cut import Cut, Cutter
from utils.decoders import Chunk, Decoders, Ended, Event, Failed, Job, Opened
from utils.errors import VideoError
from utils.extractor import Extractor

log = logging.getLogger(__name__)

IDLE_S = 0.2  # without news for so long and with no video open, batches that are not full are run
IN_FLIGHT = 1  # batches whose results stay on the device while the next one is launched


@dataclass
class Outcome:
    """How one video ended: with a record, or as "failed" or "skipped" with the reason."""

    job: Job
    status: str
    reason: str
    record: Record | None = None
    n_windows: int = 0
    n_repeated: int = 0


@dataclass(eq=False)
class _Video:
    job: Job
    cutter: Cutter
    rows: Rows
    n_windows: int | None = None  # known once the stream has ended


@dataclass
class Pipeline:
    """Runs the stages after decoding, for several videos at once.

    finish: called with each video's outcome. windows_done: called with the number of windows of a batch.
    predicted: called with the video, the window and the logits by key, where the extractor returns them.
    spill: folder for outputs that do not fit in memory; None for the system's.
    """

    extractor: Extractor
    batch_size: int
    spill: Path | None
    finish: Callable[[Outcome], None]
    windows_done: Callable[[int], None]
    predicted: Callable[[Job, Cut, dict[str, np.ndarray]], None]
    _videos: dict[Job, _Video] = field(default_factory=dict, init=False)
    _in_flight: deque[tuple[Packed[_Video], dict[str, Tensor]]] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._packer: Packer[_Video] = Packer(self.batch_size)

    def run(self, decoders: Decoders) -> None:
        """Work until the decoders have no more videos."""
        with torch.inference_mode():
            for event in decoders.events(IDLE_S):
                if event is not None:
                    self._take(event)
                elif all(video.n_windows is not None for video in self._videos.values()):
                    self._flush()
            self._flush()

    def _take(self, event: Event) -> None:
        job = event.job
        if job.dropped:
            return
        try:
            match event:
                case Opened():
                    rows = Rows(tuple(self.extractor.keys), self.extractor.streamed, self.spill)
                    self._videos[job] = _Video(job, Cutter(self.extractor, event.sampling), rows)
                case Chunk():
                    self._push(self._videos[job], event)
                case Ended():
                    self._end(self._videos[job])
                case Failed():
                    self._fail(job, event.reason)
        except VideoError as error:  # of the model, which does not know the path
            self._fail(job, f"{job.ref.path}: {error}")

    def _push(self, video: _Video, chunk: Chunk) -> None:
        units = chunk.units
        if self.extractor.device.type != "cpu":
            units = self.extractor.prepare(units.to(self.extractor.device, non_blocking=True))
        cuts = video.cutter.push(units, chunk.times_s)
        while (cut := self._next_cut(video, cuts)) is not None:
            self._pack(video, cut)

    def _next_cut(self, video: _Video, cuts: Iterator[Cut]) -> Cut | None:
        with video.job.timed("cut"):
            return next(cuts, None)

    def _end(self, video: _Video) -> None:
        cuts = video.cutter.finish()
        while (cut := self._next_cut(video, cuts)) is not None:
            self._pack(video, cut)
        video.n_windows = video.cutter.n_rows
        if video.n_windows == 0:
            nothing = self.extractor.no_windows(video.cutter.n_units, video.job.info)
            self._close(Outcome(video.job, nothing.status, f"{video.job.ref.path}: {nothing.reason}"))
        else:
            self._settle(video)

    def _pack(self, video: _Video, cut: Cut) -> None:
        packed = self._packer.add(video, cut)
        if packed is not None:
            self._launch(packed)

    def _launch(self, packed: Packed[_Video]) -> None:
        job = packed.rows[0][0].job
        with job.timed("network"):
            self._in_flight.append((packed, self.extractor.forward(packed.inputs)))
        while len(self._in_flight) > IN_FLIGHT:
            self._collect()

    def _flush(self) -> None:
        for packed in self._packer.flush():
            self._launch(packed)
        while self._in_flight:
            self._collect()

    def _collect(self) -> None:
        """Copy the oldest batch's results to the host and give them to their videos."""
        packed, outputs = self._in_flight.popleft()
        job = packed.rows[0][0].job
        with job.timed("network"):
            arrays = {key: self._to_numpy(value) for key, value in outputs.items()}
        for i, (video, cut) in enumerate(packed.rows):
            if video.job.dropped:
                continue
            values = {key: array[i] for key, array in arrays.items()}
            video.rows.add(cut, values)
            logits = {key.removeprefix("logits/"): v for key, v in values.items() if key.startswith("logits/")}
            if logits:
                self.predicted(video.job, cut, logits)
        self.windows_done(len(packed.rows))
        for video in {id(video): video for video, _ in packed.rows}.values():
            if not video.job.dropped:
                self._settle(video)

    def _settle(self, video: _Video) -> None:
        """Hand the video over if all its windows have come back."""
        if video.n_windows is None or len(video.rows) < video.n_windows:
            return
        job = video.job
        status = "partial" if job.partial else "done"
        reason = f"{job.ref.path}: {'; '.join(job.problems)}" if job.partial else ""
        arrays = self.extractor.finish(video.rows.arrays())
        features = list(arrays)
        if self.extractor.with_times:
            arrays["fps"] = np.array(job.info.fps, np.float64)
            arrays["timestamps_ms"] = video.rows.timestamps_ms(with_first=self.extractor.frame_times)
        record = Record(job.ref, arrays, features, self.extractor.facts)
        self._close(Outcome(job, status, reason, record, video.n_windows, video.rows.n_repeated))

    def _fail(self, job: Job, reason: str) -> None:
        self._close(Outcome(job, "failed", reason))

    def _close(self, outcome: Outcome) -> None:
        outcome.job.dropped = True
        self._videos.pop(outcome.job, None)
        self.finish(outcome)

    def _to_numpy(self, values: Tensor) -> np.ndarray:
        """Return features on the host: floats as the extractor saves them, integers as they are."""
        return (values.to(self.extractor.row_dtype) if values.is_floating_point() else values).cpu().numpy()
