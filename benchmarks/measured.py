"""A feature type's pipeline, and its network alone, run in this process on the same videos."""

import contextlib
import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from benchmarks import record, variants
from models import MODELS
from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.engines import devices
from utils.extractors.base import AnyExtractor
from utils.extractors.registry import load_extractor
from utils.nn.prepare import ComputeMode, set_process_flags
from utils.run.settings import find_checkpoints
from utils.sources.ref import VideoRef
from utils.worker import pipeline
from utils.worker.decode import Decoders
from utils.worker.events import ChunkDecoded
from utils.worker.pipeline import Outcome, Pipeline
from utils.worker.plan import Task

FEW = 3  # batches, with which a run has a steady state
MAX_RECORDED_BYTES = 1 << 30  # of inputs for the network alone


JOIN_S = 3.0  # for a decode thread, and its process, to end


class _TimeIsUpError(Exception):
    """Ends a run."""


@dataclass
class Run:
    """Figures of one run of the pipeline over all videos. seconds: wall time; stages: seconds, over all threads.

    batches: when each was done, in seconds from the start, and its windows. n_windows: of videos that are finished.
    """

    start_s: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0
    batches: list[tuple[float, int]] = field(default_factory=list)
    n_videos: int = 0
    n_windows: int = 0
    n_decoded: int = 0  # frames, or samples at the sample rate of the model
    stages: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)  # what the reports say, of all videos
    arrays: dict[str, np.ndarray] = field(default_factory=dict)  # of the last video

    def add(self, outcome: Outcome) -> None:
        """Count a finished video. SystemExit if it failed."""
        if outcome.record is None:
            raise SystemExit(outcome.reason)
        self.n_videos += 1
        self.n_windows += outcome.n_windows
        self.n_decoded += outcome.job.decoded
        self.stages.update(outcome.job.seconds)
        self.problems.update(outcome.job.problems)
        self.arrays = outcome.record.arrays

    def so_far_s(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self.start_s

    @property
    def windows_per_s(self) -> float:
        """Windows per second, without the start and the end of the run."""
        return steady_per_s(self.batches)

    @property
    def steady_s(self) -> tuple[float, float]:
        """When, by time.perf_counter, the first quarter of the batches was done, and three quarters."""
        times_s = [self.start_s + done_s for done_s, _ in self.batches] or [self.start_s]
        return times_s[len(times_s) // 4], times_s[-(len(times_s) // 4) - 1]


def steady_per_s(done: Sequence[tuple[float, int]]) -> float:
    """Return the rate of what was done, without the first and the last quarter; of all where that is not much.

    done: seconds, rising, and how much was done then.
    """
    start_s, quarter = 0.0, len(done) // 4
    if len(done) >= FEW:
        first = max(quarter, 1)
        start_s, done = done[first - 1][0], done[first : len(done) - quarter]
    return sum(amount for _, amount in done) / (done[-1][0] - start_s)


class Measured:
    """One extractor, run by the pipeline, or its network alone on inputs that were recorded from the pipeline.

    media_s: seconds of all videos. peak_mib: memory of a process that only runs the pipeline.
    n_recorded: windows that the network alone is run on. records: whether it will be run alone.
    is_quick: whether the videos are run over once instead of twice before all that is measured: no peak_mib then.
    """

    def __init__(
        self,
        run: RunConfig,
        feature_type: str,
        config: Config,
        refs: Sequence[VideoRef],
        *,
        records: bool = True,
        is_quick: bool = False,
    ) -> None:
        model = MODELS[feature_type]
        resources, _ = devices.choose(run)
        run = devices.with_precision(run, resources)
        self._config, self._feature_type, self.refs = run, feature_type, refs
        torch.set_num_threads(resources.n_threads)
        self.n_decoders = resources.decode_threads
        self.device = torch.device(resources.devices[0])
        load = load_extractor(model.extractor)
        compute = ComputeMode(run.precision, run.compile)
        set_process_flags(compute, self.device)
        self.extractor: AnyExtractor = load(config, find_checkpoints(run, config, model), self.device, compute)
        self.media_s = sum(_length_s(ref) for ref in refs)
        if not is_quick:
            self.pipeline_run()
        self.peak_mib = _peak_mib(self.device)  # before anything is recorded for the network alone
        self.n_recorded = 0
        self._recorded_bytes = 0
        self._calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        if records:
            self._record_calls()

    def _record_calls(self) -> None:
        """Run the pipeline once and keep what it gives to the network, in order."""
        pairs = self.extractor.pairs
        recorded = [(self.extractor, "outputs"), *((pairs, name) for name in ("encode", "between") if pairs)]
        for owner, name in recorded:
            setattr(owner, name, self._recording(getattr(owner, name), counts=owner is self.extractor))
        self.pipeline_run()
        for owner, name in recorded:
            delattr(owner, name)  # uncovers the method of its class

    def _recording(self, call: Callable[..., Any], counts: bool) -> Callable[..., Any]:
        """Return a function that records its arguments, then calls `call`. counts: they are a batch of windows."""

        def recording(*arguments: Any) -> Any:
            if self._recorded_bytes < MAX_RECORDED_BYTES or not self.n_recorded:
                self._calls.append((call, arguments))
                self._recorded_bytes += _n_bytes(arguments)
                self.n_recorded += len(next(iter(arguments[0].values()))) if counts else 0
            return call(*arguments)

        return recording

    def pipeline_run(self, seconds: float = 0.0) -> Run:
        """Run over all videos once, or again and again until so many seconds have passed."""
        run, decoders = Run(), self._decoders(is_endless=seconds > 0)

        def finish(outcome: Outcome) -> None:
            run.add(outcome)
            if 0 < seconds < run.so_far_s():
                raise _TimeIsUpError

        stages = Pipeline(
            self.extractor,
            self._config.batch_size or self.extractor.batch_size,
            spill=None,
            finish=finish,
            windows_done=lambda n: run.batches.append((run.so_far_s(), n)),
            predicted=lambda job, row, end_s, logits: None,
            warn=lambda text: print(text, file=sys.stderr),
        )
        run.start_s = time.perf_counter()
        with contextlib.suppress(_TimeIsUpError):
            pipeline.run({self._feature_type: stages}, decoders)
        run.seconds = run.so_far_s()
        decoders.join(JOIN_S)
        return run

    def decoded_per_s(self, seconds: float = 0.0) -> float:
        """Return the frames or samples that the decode threads alone decode per second, run as by `pipeline_run`."""
        run, decoders, chunks = Run(), self._decoders(is_endless=seconds > 0), []
        with contextlib.closing(decoders.events(idle_s=1.0)) as events:
            for event in events:
                if isinstance(event, ChunkDecoded):
                    chunks.append((run.so_far_s(), len(event.frames)))
                if 0 < seconds < run.so_far_s():
                    break
        decoders.join(JOIN_S)
        return steady_per_s(chunks)

    def _decoders(self, is_endless: bool) -> Decoders:
        tasks = [Task(ref, (self._feature_type,)) for ref in self.refs]
        wanted = itertools.cycle(tasks) if is_endless else iter(tasks)
        return Decoders({self._feature_type: self.extractor}, lambda: next(wanted, None), self.n_decoders)

    def network_s(self) -> float:
        """Return the seconds of the network alone."""
        start_s = time.perf_counter()
        with torch.inference_mode():
            for call, arguments in self._calls:
                call(*arguments)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - start_s


def _length_s(ref: VideoRef) -> float:
    return (variants.length_s(ref.media) if ref.end_s is None else ref.end_s) - (ref.start_s or 0.0)


def _peak_mib(device: torch.device) -> dict[str, float]:
    """Return the most memory that this process has held, in MiB: resident on the host, allocated on a GPU."""
    peak = {"host": record.host_peak_mib()}
    if device.type == "cuda":
        peak["device"] = torch.cuda.max_memory_allocated(device) / 2**20
    return {place: round(mib, 1) for place, mib in peak.items()}


def _n_bytes(value: Any) -> int:
    """Return the bytes of the tensors in nested tuples and dicts."""
    if isinstance(value, torch.Tensor):
        return value.nbytes
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return sum(map(_n_bytes, parts))
