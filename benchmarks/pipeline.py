"""The worker's pipeline against its bare network: throughput, idle time by stage, peak memory.

    python -m benchmarks.pipeline --pairs 5 -- --feature_type i3d --streams rgb --weights random --video_paths CLIP
    python -m benchmarks.pipeline --clips_as mixed --copies 4 -- --feature_type clip --weights random --video_paths CLIP

After -- come the flags for main.py. The network alone and the pipeline (decode, prepare, cut, batch, network, assemble)
run in turn in this process; start-up is left out of both. The network alone is run on the inputs that the pipeline gave
it, flow between frames included, or on the first GiB of them.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import record, variants
from benchmarks.measured import Measured, Run
from models import MODELS
from utils.commands import cli
from utils.config.run import RunConfig
from utils.engines.environment import VARIABLES
from utils.extractors.base import AudioExtractor
from utils.sources.inputs import collect
from utils.sources.ref import VideoRef


def idle_shares(run: Run, n_decoders: int, has_pairs: bool) -> dict[str, float]:
    """Return the shares of a run's time for which the network, and each decode thread, were idle.

    has_pairs: flow between frames is computed in the stage "cut", so that its time is the network's, too.
    """
    network_s = run.stages["network"] + (run.stages["cut"] if has_pairs else 0.0)
    decoders_s = run.stages["decode"] + run.stages["prepare"]
    return {"network": 1 - network_s / run.seconds, "decoders": 1 - decoders_s / (run.seconds * n_decoders)}


def figures(measured: Measured, pairs: Sequence[tuple[float, Run]]) -> dict[str, Any]:
    """Return the figures, mostly medians, of pairs of (seconds of the network alone, run of the pipeline)."""
    runs = [run for _, run in pairs]
    first, wall_s = runs[0], statistics.median(run.seconds for run in runs)
    rates = {
        "network": [measured.n_recorded / network_s for network_s, _ in pairs],
        "pipeline": [run.n_windows / run.seconds for run in runs],
    }
    idle = [idle_shares(run, measured.n_decoders, measured.extractor.pairs is not None) for run in runs]
    if isinstance(measured.extractor, AudioExtractor):
        decoded = {"sound_s_per_s": first.n_decoded / measured.extractor.rate_hz}
    else:
        decoded = {"frames_per_s": first.n_decoded}
    return {
        "windows": first.n_windows,
        "windows_of_the_network_alone": measured.n_recorded,
        "pairs": len(pairs),
        "windows_per_s": {name: [round(rate, 3) for rate in of] for name, of in rates.items()},
        "median_ratio": round(statistics.median(p / n for n, p in zip(*rates.values(), strict=True)), 3),
        **{name: round(amount / wall_s, 1) for name, amount in decoded.items()},
        "video_hours_per_hour": round(measured.media_s / wall_s, 2),
        "share_of_waiting": {stage: round(statistics.median(each[stage] for each in idle), 3) for stage in idle[0]},
        "peak_memory_mib": measured.peak_mib,
        "seconds_by_stage": {
            stage: round(statistics.median(run.stages[stage] for run in runs), 3) for stage in first.stages
        },
        "decode_threads": measured.n_decoders,
    }


def table(of: dict[str, Any]) -> str:
    """Return the figures as lines of a name and a number."""
    lines = []
    for name, rates in of["windows_per_s"].items():
        spread = f"({min(rates):.3f} to {max(rates):.3f})"
        lines.append((f"{name}, windows/s", f"{statistics.median(rates):10.3f}  {spread}"))
    lines.append(("pipeline / network", f"{of['median_ratio']:10.3f}"))
    units = {"frames_per_s": "frames/s", "sound_s_per_s": "seconds of audio/s"}
    lines += [(unit, f"{of[name]:10.1f}") for name, unit in units.items() if name in of]
    lines.append(("hours of video per hour", f"{of['video_hours_per_hour']:10.1f}"))
    lines += [(f"{stage}, idle share", f"{share:10.3f}") for stage, share in of["share_of_waiting"].items()]
    lines += [(f"peak memory of the {place}, MiB", f"{mib:10.0f}") for place, mib in of["peak_memory_mib"].items()]
    return "\n".join(f"{name:30}{value}" for name, value in lines)


def references(run: RunConfig, kind: str, folder: Path) -> list[VideoRef]:
    """Return the command's videos, or variants (`kind`) of the first one, written into a folder."""
    if kind == "as_given":
        return list(collect(run).refs())
    if not run.video_paths:
        raise SystemExit(f"--clips_as {kind} needs a clip: give the command --video_paths CLIP")
    # In another process, so that the encoder is not part of the peak memory.
    write = [sys.executable, "-m", "benchmarks.variants", run.video_paths[0], kind, str(folder)]
    done = subprocess.run(write, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"the variants of {run.video_paths[0]} could not be written")
    return [VideoRef(path, Path(path).stem, path) for path in done.stdout.splitlines()]


def main(arguments: list[str]) -> None:
    """Measure, print a table and save the figures."""
    if VARIABLES.keys() - os.environ.keys():  # libraries read them when a process starts, as in a worker
        command = [sys.executable, "-m", "benchmarks.pipeline", *arguments]
        os.execve(sys.executable, command, {**VARIABLES, **os.environ})
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=5, help="measured pairs (default: 5)")
    parser.add_argument("--copies", type=int, default=1, help="repeat the list of videos this often (default: 1)")
    parser.add_argument(
        "--clips_as",
        choices=("as_given", *variants.KINDS),
        default="as_given",
        help="run on variants of the first of --video_paths, see benchmarks.variants (default: as_given)",
    )
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    parser.add_argument("--name", help="name of the results file (default: pipeline-<feature type>-<kind of clips>)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --: flags for main.py")
    options = parser.parse_args(arguments)
    program = [argument for argument in options.command if argument != "--"]
    run, configs = cli.parse(program, MODELS)
    ((feature_type, config),) = configs.items()
    with tempfile.TemporaryDirectory() as folder:
        refs = references(run, options.clips_as, Path(folder)) * options.copies
        measured = Measured(run, feature_type, config, refs)
        found = figures(measured, [(measured.network_s(), measured.pipeline_run()) for _ in range(options.pairs)])
    print(table(found))
    on_gpu = measured.device.type == "cuda"
    setting = {
        "command": [Path(argument).name for argument in program],
        "device": torch.cuda.get_device_name(measured.device) if on_gpu else record.cpu_name(),
        "clips_as": options.clips_as,
        "videos": len(refs),
        "copies": options.copies,
    }
    kind = "" if options.clips_as == "as_given" else f"-{options.clips_as}"
    record.write(options.name or f"pipeline-{feature_type}{kind}", setting | found, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
