"""A feature type's pipeline and its network alone, run in this process on the same videos."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

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
from utils.worker.pipeline import Outcome, Pipeline
from utils.worker.plan import Task

MOST_NOTED_BYTES = 1 << 30  # of what the network alone is given


@dataclass
class Run:
    """What came of one run of the pipeline over all videos. seconds: from start to end; stages: of all threads."""

    seconds: float = 0.0
    n_windows: int = 0
    n_decoded: int = 0  # frames of the files, or samples at the rate that the model wants
    stages: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count a finished video; its features are let go. SystemExit if it failed."""
        if outcome.record is None:
            raise SystemExit(outcome.reason)
        self.n_windows += outcome.n_windows
        self.n_decoded += outcome.job.decoded
        self.stages.update(outcome.job.seconds)


class Measured:
    """One extractor, run through the pipeline or fed with what the pipeline gave it.

    media_s: how long all videos last, in seconds. peak_mib: memory of a process that only runs the pipeline.
    n_noted: windows that the network alone is given.
    """

    def __init__(self, run: RunConfig, feature_type: str, config: Config, refs: Sequence[VideoRef]) -> None:
        self._config = run
        self._feature_type = feature_type
        self._refs = refs
        model = MODELS[feature_type]
        names, _ = devices.choose(run)
        torch.set_num_threads(devices.threads_per_worker(names[:1]))
        self.n_decoders = devices.decode_threads(run, names[:1])
        self.device = torch.device(names[0])
        load = load_extractor(model.extractor)
        compute = ComputeMode(run.precision, run.compile)
        set_process_flags(compute, self.device)
        self.extractor: AnyExtractor = load(config, find_checkpoints(run, config, model), self.device, compute)
        self.media_s = sum(_length_s(ref) for ref in refs)
        self.pipeline_run()
        self.peak_mib = _peak_mib(self.device)  # before anything is kept for the network alone
        self.n_noted = 0
        self._noted_bytes = 0
        self._calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._note_calls()

    def _note_calls(self) -> None:
        """Run the pipeline once and keep what it gives to the network, in order."""
        pairs = self.extractor.pairs
        noted = [(self.extractor, "outputs"), *((pairs, name) for name in ("encode", "between") if pairs)]
        for owner, name in noted:
            setattr(owner, name, self._noting(getattr(owner, name), counts=owner is self.extractor))
        self.pipeline_run()
        for owner, name in noted:
            delattr(owner, name)  # the method of its class shows again

    def _noting(self, call: Callable[..., Any], counts: bool) -> Callable[..., Any]:
        """Return `call` with a note of its arguments. counts: they are a batch of windows."""

        def noting(*arguments: Any) -> Any:
            if self._noted_bytes < MOST_NOTED_BYTES or not self.n_noted:
                self._calls.append((call, arguments))
                self._noted_bytes += _n_bytes(arguments)
                self.n_noted += len(next(iter(arguments[0].values()))) if counts else 0
            return call(*arguments)

        return noting

    def pipeline_run(self) -> Run:
        """Run over all videos once."""
        run = Run()
        tasks = iter([Task(ref, (self._feature_type,)) for ref in self._refs])
        decoders = Decoders({self._feature_type: self.extractor}, lambda: next(tasks, None), self.n_decoders)
        stages = Pipeline(
            self.extractor,
            self._config.batch_size or self.extractor.batch_size,
            spill=None,
            finish=run.add,
            windows_done=lambda n: None,
            predicted=lambda job, cut, logits: None,
            warn=lambda text: print(text, file=sys.stderr),
        )
        start_s = time.perf_counter()
        pipeline.run({self._feature_type: stages}, decoders)
        run.seconds = time.perf_counter() - start_s
        return run

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
