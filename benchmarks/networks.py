"""Each network alone: work per window or pair of frames, time, share of the machine's best rate, peak memory.

    python -m benchmarks.networks [NAME ...] [--device cuda] [--precisions float32 bf16] [--batches 1 8] [--compile]

Weights are random. The best rate is measured by `benchmarks.limits` for each precision; on a CPU it is that of a
convolution. Every measurement runs in a new process, for its peak memory.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from benchmarks import limits, record
from utils.engines.environment import VARIABLES
from utils.nn.cpu import onednn
from utils.nn.cpu.threads import RowThreads, row_by_row
from utils.nn.prepare import ComputeMode, check_supported, prepare_layers, prepare_network, set_process_flags


@dataclass(frozen=True)
class Subject:
    """A network: how it is made, the shape of one input, the parts that stay float32. `pair`: flow of two frames."""

    make: Callable[[], Any]
    shape: tuple[int, ...]
    float32_parts: tuple[str, ...] = ("classifier",)
    pair: bool = False


def _clip_tower(model_name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        from models.clip.tower import random_tower

        return random_tower(model_name, None)

    return make


def _resnet(model_name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        from models.resnet.weights import random_resnet

        network = cast(nn.Module, random_resnet(model_name))  # its type says that `fc` is linear
        network.fc = nn.Identity()
        return network

    return make


def _loaded(module: str, name: str, *arguments: str | float) -> Callable[[], nn.Module]:
    """Return a function that imports `name` from a module of models/ and calls it."""

    def make() -> nn.Module:
        package = __import__(f"models.{module}.weights", fromlist=[name])
        return getattr(package, name)(*arguments)

    return make


def _tvl1() -> nn.Module:
    from models.tvl1.network import TVL1

    return TVL1()


def _i3d(stream: str) -> Callable[[], nn.Module]:
    return _loaded("i3d", "random_i3d", stream, 1e-5, "video_features")


POOLED = ("classifier", "backbone.avgpool")
SUBJECTS = {
    "i3d_rgb": Subject(_i3d("rgb"), (3, 64, 224, 224), ("conv3d_0c_1x1",)),
    "i3d_flow": Subject(_i3d("flow"), (2, 64, 224, 224), ("conv3d_0c_1x1",)),
    "raft": Subject(_loaded("raft", "random_raft"), (3, 256, 340), (), pair=True),
    "pwc": Subject(_loaded("pwc", "random_pwc"), (3, 256, 340), (), pair=True),
    "tvl1": Subject(_tvl1, (3, 256, 340), (), pair=True),
    "slowfast": Subject(_loaded("slowfast", "random_slowfast"), (3, 32, 256, 256)),
    "swin": Subject(_loaded("swin", "random_swin"), (3, 32, 224, 224), POOLED),
    "i3d_r50": Subject(_loaded("i3d_r50", "random_i3d_r50"), (3, 32, 224, 224)),
    "slowonly": Subject(_loaded("slowonly", "random_slowonly"), (3, 4, 256, 256)),
    "tsn": Subject(_loaded("tsn", "random_tsn"), (3, 1, 256, 256), POOLED),
    "s3d": Subject(_loaded("s3d", "random_s3d"), (3, 64, 224, 224), ("avgpool", "classifier")),
    "r21d": Subject(_loaded("r21d", "random_r21d", "r2plus1d_18_16_kinetics"), (3, 16, 112, 112), ("avgpool", "fc")),
    "videomae": Subject(
        _loaded("videomae", "random_videomae", "vit_base_patch16_224"), (3, 16, 224, 224), ("fc_norm", "head")
    ),
    "internvideo2": Subject(_loaded("internvideo2", "random_internvideo2", "B14", 8), (3, 8, 224, 224), ()),
    "vggish": Subject(_loaded("vggish", "random_vggish"), (96, 64), ()),
    "panns": Subject(_loaded("panns", "random_panns"), (201, 64), ("fc1", "classifier")),
    "clip": Subject(_clip_tower("ViT-B-32-quickgelu"), (3, 224, 224), ()),
    "resnet50": Subject(_resnet("resnet50"), (3, 224, 224), ("avgpool",)),
}
VARIANTS = {  # measured when they are named
    "slowfast_r101": Subject(_loaded("slowfast", "random_slowfast", 101), (3, 32, 256, 256)),
    "i3d_r50_baseline": Subject(_loaded("i3d_r50", "random_i3d_r50", "baseline"), (3, 16, 224, 224)),
    "s3d_howto100m": Subject(_loaded("s3d", "random_howto100m"), (3, 32, 224, 224), ()),
    "r21d_34": Subject(
        _loaded("r21d", "random_r21d", "r2plus1d_34_32_ig65m_ft_kinetics"), (3, 32, 112, 112), ("avgpool", "fc")
    ),
    "videomae_s": Subject(
        _loaded("videomae", "random_videomae", "vit_small_patch16_224"), (3, 16, 224, 224), ("fc_norm", "head")
    ),
    "internvideo2_s14": Subject(_loaded("internvideo2", "random_internvideo2", "S14", 8), (3, 8, 224, 224), ()),
    "clip_l14": Subject(_clip_tower("ViT-L-14-quickgelu"), (3, 224, 224), ()),
    "resnet18": Subject(_resnet("resnet18"), (3, 224, 224), ("avgpool",)),
}
KNOWN = SUBJECTS | VARIANTS


def measure(name: str, device: torch.device, compute: ComputeMode, batch: int, repeats: int) -> dict[str, Any]:
    """Return what one network takes in one setting, per window, pair, frame or example.

    Raises:
        UserError: the device does not support the precision.
    """
    check_supported(compute, device)
    set_process_flags(compute, device)
    subject = KNOWN[name]
    network = _ready(subject, device, compute)
    if subject.pair and device.type == "cpu":  # each pair is computed on one thread
        batch = max(batch, torch.get_num_threads())
    inputs = [torch.rand(batch, *subject.shape, device=device) for _ in range(2 if subject.pair else 1)]
    if subject.pair:
        inputs = [frames * 255 for frames in inputs]
    with torch.inference_mode():
        run = _steps(network, inputs, subject.pair)
        if device.type == "cpu" and batch > 1 and not subject.pair and not compute.compile:  # as the pipeline does
            parts = inputs[0].tensor_split(min(batch, torch.get_num_threads()))
            run = partial(RowThreads().map, network, parts)
        run()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        seconds = limits.median_s(run, device.type, repeats) / batch
    peak_mib = _peak_mib(device)  # before the network is made once more to count its work
    return {
        "network": name,
        "precision": compute.precision,
        "compiled": compute.compile,
        "batch": batch,
        "parameters": sum(values.numel() for values in subject.make().parameters()),
        "gflop": round(gflop(subject), 2),
        "seconds": round(seconds, 5),
        "peak_memory_mib": round(peak_mib),
    }


def _ready(subject: Subject, device: torch.device, compute: ComputeMode) -> Any:
    """Return a network as the pipeline runs it."""
    if not subject.pair:
        return prepare_network(subject.make(), device, compute, subject.float32_parts)
    return row_by_row(prepare_layers(subject.make(), device, compute, subject.float32_parts), device)


def _steps(network: Any, inputs: list[Tensor], pair: bool) -> Callable[[], Any]:
    """Return what a run does per input. For flow, one frame is encoded: the other was part of the pair before."""
    if not pair:
        return lambda: network(*inputs)
    first, second = inputs
    size = (first.shape[-2], first.shape[-1])
    encoded = network.encode(first)
    return lambda: network.between(encoded, network.encode(second), size)


def gflop(subject: Subject) -> float:
    """Return the work per input in GFLOP, two per multiply-add, of the network as published."""
    network = subject.make().eval()
    inputs = [torch.zeros(1, *subject.shape) for _ in range(2 if subject.pair else 1)]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its one call for all of an attention layer is not counted
    with torch.inference_mode(), _counter() as counter:
        _steps(network, inputs, subject.pair)()
    torch.backends.mha.set_fastpath_enabled(fast)
    encoded_twice = 0
    if subject.pair:
        with torch.inference_mode(), _counter() as of_encoding:
            network.encode(inputs[0])
        encoded_twice = of_encoding.get_total_flops()
    return (counter.get_total_flops() - encoded_twice) / 1e9


def _counter() -> FlopCounterMode:
    """Return torch's counter, taught oneDNN's convolution."""

    def convolution(x: list[int], weight: list[int], *_rest: Any, out_shape: list[int], **_others: Any) -> int:
        return conv_flop_count(x, weight, out_shape)

    known = {} if onednn.CONVOLVE is None else {onednn.CONVOLVE: convolution}
    return FlopCounterMode(display=False, custom_mapping=known)


def _peak_mib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return record.host_peak_mib()


def in_a_process(name: str, device: str, precision: str, batch: int, compiled: bool, repeats: int) -> dict[str, Any]:
    """Return what `measure` gives in a new process. SystemExit if that fails."""
    code = (
        "import json, sys, torch; from benchmarks.networks import measure; from utils.nn.prepare import ComputeMode;"
        "a = json.loads(sys.argv[1]);"
        "print(json.dumps(measure(a[0], torch.device(a[1]), ComputeMode(a[2], a[4]), a[3], a[5])))"
    )
    arguments = json.dumps([name, device, precision, batch, compiled, repeats])
    done = subprocess.run(
        [sys.executable, "-c", code, arguments],
        cwd=Path(__file__).parent.parent,
        env={**VARIABLES, **os.environ},  # as the program starts its workers
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"{name}, {precision}, batch {batch}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> None:
    """Measure, print a table and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "networks", nargs="*", help=f"default: all of {', '.join(SUBJECTS)}; also {', '.join(VARIANTS)}"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precisions", nargs="+", help="default: float32 bf16, on a GPU also tf32 and fp16")
    parser.add_argument("--batches", nargs="+", type=int, default=[1], help="batch sizes (default: 1)")
    parser.add_argument("--compile", action="store_true", help="also measure compiled networks")
    parser.add_argument("--repeats", type=int, default=5, help="measured rounds (default: 5)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    precisions = options.precisions or ["float32", "bf16", *(("tf32", "fp16") if options.device == "cuda" else ())]
    best = limits.matrix_rates(options.device, options.repeats)
    rows = []
    for name in options.networks or SUBJECTS:
        for precision in precisions:
            for batch in options.batches:
                for compiled in (False, True) if options.compile and not KNOWN[name].pair else (False,):
                    row = in_a_process(name, options.device, precision, batch, compiled, options.repeats)
                    rate = row["gflop"] / row["seconds"]
                    reachable = max(best[precision], best.get(f"{precision} convolution", 0.0))
                    row |= {"gflop_per_s": round(rate, 1), "share": round(rate / reachable, 3)}
                    rows.append(row)
                    print(
                        f"{name:9} {precision:8} {'compiled' if compiled else '':9} batch {row['batch']:3}"
                        f" {row['gflop']:8.1f} GFLOP {row['seconds']:9.4f} s {row['share']:5.0%} of the best rate"
                        f" {row['peak_memory_mib']:6} MiB",
                        flush=True,
                    )
    device = torch.cuda.get_device_name() if options.device == "cuda" else record.cpu_name()
    figures = {"device": device, "best_gflop_per_s": best, "rows": rows}
    record.write(f"networks-{options.device}", figures, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
