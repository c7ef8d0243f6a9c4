"""How close a whole run comes to the bare network: windows per second of both, on the same windows.

    python -m benchmarks.pipeline --pairs 5 -- --feature_type i3d --streams rgb --weights random --video_paths CLIP

What follows -- is the command as main.py takes it. The network alone and the worker's pipeline (decoding, preparing,
cutting, batching, network, assembling) run in turn in this process, start-up left out of both.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import record
from models import MODELS
from utils import command, devices, pipeline
from utils.decoders import Decoders
from utils.extractor import Batch, Extractor
from utils.pipeline import Outcome, Pipeline
from utils.plan import Task
from utils.precision import Arithmetic
from utils.registry import load_object
from utils.settings import find_checkpoints
from utils.sources import collect


class Measured:
    """One extractor, run through the pipeline or fed with the batches that the pipeline gave it."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._run, configs = command.parse(arguments, MODELS)
        ((self._feature_type, config),) = configs.items()
        model = MODELS[self._feature_type]
        names, _ = devices.choose(self._run)
        torch.set_num_threads(devices.threads_per_worker(names[:1]))
        self._n_decoders = devices.decode_threads(self._run, names[:1])
        checkpoints = find_checkpoints(self._run, config, model)
        arithmetic = Arithmetic(self._run.precision, self._run.compile)
        load = load_object(model.extractor)
        self._extractor: Extractor = load(config, checkpoints, torch.device(names[0]), arithmetic)
        self._refs = list(collect(self._run))
        self.stages: Counter[str] = Counter()
        self._batches = self._record_batches()
        self.n_windows = sum(len(next(iter(batch.values()))) for batch in self._batches)

    def _record_batches(self) -> list[Batch]:
        """Run the pipeline once and return what it gave to the network."""
        batches, forward = [], self._extractor.forward

        def noted(batch: Batch) -> dict[str, torch.Tensor]:
            batches.append(batch)
            return forward(batch)

        self._extractor.forward = noted  # type: ignore[method-assign]
        self.pipeline_s()
        self._extractor.forward = forward  # type: ignore[method-assign]
        return batches

    def pipeline_s(self) -> float:
        """Return the seconds of one run over all videos."""
        self.stages.clear()
        tasks = iter([Task(ref, (self._feature_type,)) for ref in self._refs])
        decoders = Decoders({self._feature_type: self._extractor}, lambda: next(tasks, None), self._n_decoders)
        stages = Pipeline(
            self._extractor,
            self._run.batch_size or self._extractor.batch_size,
            spill=None,
            finish=self._finish,
            windows_done=lambda n: None,
            predicted=lambda job, cut, logits: None,
            warn=lambda text: print(text, file=sys.stderr),
        )
        start_s = time.perf_counter()
        pipeline.run({self._feature_type: stages}, decoders)
        return time.perf_counter() - start_s

    def _finish(self, outcome: Outcome) -> None:
        if outcome.record is None:
            raise SystemExit(f"{outcome.reason}")
        self.stages.update(outcome.job.seconds)

    def network_s(self) -> float:
        """Return the seconds of the network alone on the same batches."""
        start_s = time.perf_counter()
        with torch.inference_mode():
            for batch in self._batches:
                outputs = self._extractor.forward(batch)
            for value in outputs.values():
                value.cpu()  # waits for the device
        return time.perf_counter() - start_s


def main(arguments: list[str]) -> None:
    """Measure, print the ratio and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5, help="measured pairs (default: 5)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    parser.add_argument("--name", help="of the results file (default: pipeline-<feature type>)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    program = [argument for argument in options.command if argument != "--"]
    measured = Measured(program)
    pairs = [(measured.network_s(), measured.pipeline_s()) for _ in range(options.pairs)]
    rates = {
        "network": [measured.n_windows / network_s for network_s, _ in pairs],
        "pipeline": [measured.n_windows / pipeline_s for _, pipeline_s in pairs],
    }
    ratio = statistics.median(network_s / pipeline_s for network_s, pipeline_s in pairs)
    for name, values in rates.items():
        print(f"{name:9} {statistics.median(values):8.3f} windows/s  ({min(values):.3f} to {max(values):.3f})")
    print(f"the pipeline runs at {ratio:.2f} of the bare network, {measured.n_windows} windows, {options.pairs} pairs")
    figures: dict[str, Any] = {
        "command": [Path(argument).name for argument in program],
        "windows": measured.n_windows,
        "pairs": options.pairs,
        "windows_per_s": {name: [round(value, 3) for value in values] for name, values in rates.items()},
        "median_ratio": round(ratio, 3),
        "seconds_by_stage": {stage: round(seconds, 3) for stage, seconds in measured.stages.items()},
    }
    feature_type = program[program.index("--feature_type") + 1]
    record.write(options.name or f"pipeline-{feature_type}", figures, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
