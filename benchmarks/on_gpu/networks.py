"""Each network alone: time, share of the measured matrix rate, what launching takes, peak memory, error."""

import copy
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from support.golden import relative_error
from support.networks import features_of
from torch import Tensor, nn

from benchmarks.networks import SUBJECTS, Subject, _steps
from benchmarks.on_gpu.common import Options, Out, cosine, timed, timed_ms, wait
from utils.nn.cpu.layout import CHANNELS_LAST
from utils.nn.prepare import ComputeMode, prepare_layers, prepare_network, set_process_flags

GFLOP = {  # of a window, pair (one frame encoded), frame or example, by benchmarks.networks
    "i3d_rgb": 222.3,
    "pwc": 35.4,
    "raft": 147.7,
    "slowfast": 131.4,
    "clip": 8.8,  # by hand: torch's counter does not see into fused attention
    "resnet50": 8.2,
    "i3d_flow": 204.7,
    "swin": 175.5,
    "vggish": 1.7,
    "s3d": 143.8,
    "r21d": 81.0,
    "slowonly": 54.5,
    "i3d_r50": 85.3,
    "tsn": 10.7,
}
BATCHES = {"raft": (16, 64), "pwc": (16, 64), "vggish": (256,), "clip": (128,), "resnet50": (128,), "tsn": (128,)}
PRECISIONS = ("float32", "auto", "tf32", "bf16", "fp16")
USUAL_BATCH = 8
MOST_COMPARED = 8  # rows


def measure(out: Out, options: Options) -> None:
    """Measure every network in every number format, the most wanted first."""
    precisions = PRECISIONS if options.on_gpu else PRECISIONS[:1]
    names = ("vggish", "resnet50") if options.tiny else [name for name in GFLOP if options.wants(name)]
    made = drawn(names)
    for name in names:
        reference: dict[int, Tensor] = {}
        for precision in (each for each in precisions if options.wants(name, each)):
            for batch in BATCHES.get(name, (USUAL_BATCH,)) if options.on_gpu else (1,):
                what = {"name": name, "precision": precision, "batch": batch}
                if out.left_s() < 4:
                    out.row(**what, error="no time left")
                    continue
                with out.guarded(**what), torch.inference_mode():
                    work = ready(made[name], SUBJECTS[name], ComputeMode(precision), batch, options.torch_device)
                    features, row = _figures(work, options, batch, GFLOP[name])
                    ours = features[:MOST_COMPARED].cpu()
                    if precision == "float32":
                        reference[batch] = ours
                    if batch in reference:
                        kept = reference[batch]
                        row |= {"relative_error": relative_error(ours, kept), "cosine": cosine(ours, kept)}
                    out.row(**what, **row, **_share(out, precision, row["tflop_per_s"]))
                if options.on_gpu:
                    torch.cuda.empty_cache()


def drawn(names: Collection[str]) -> dict[str, nn.Module]:
    """Return networks with seeded weights, by name; drawing them takes seconds for each."""
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(names, pool.map(lambda name: SUBJECTS[name].make(), names), strict=True))


def ready(
    network: nn.Module, subject: Subject, compute: ComputeMode, batch: int, device: torch.device
) -> Callable[[], Any]:
    """Return what runs a network on smooth inputs; of flow, one frame is encoded."""
    set_process_flags(compute, device)
    make = prepare_layers if subject.pair else prepare_network
    network = make(copy.deepcopy(network), device, compute, subject.float32_parts)
    shape, generator = subject.shape, torch.Generator().manual_seed(0)
    smooth = torch.rand(batch, shape[0], *(max(1, n // 8) for n in shape[1:]), generator=generator)
    if len(shape) > 2:
        mode = "bilinear" if len(shape) == 3 else "trilinear"
        smooth = nn.functional.interpolate(smooth, shape[1:], mode=mode)
    else:
        smooth = torch.rand(batch, *shape, generator=generator)
    layout = CHANNELS_LAST.get(smooth.ndim, torch.contiguous_format)  # as extractors make their inputs
    smooth = smooth.to(device).contiguous(memory_format=layout)
    inputs = [smooth * 255, (smooth * 255).roll((1, 2), (-2, -1))] if subject.pair else [(smooth - 0.45) / 0.225]
    return _steps(network, inputs, subject.pair)


def _figures(work: Callable[[], Any], options: Options, batch: int, gflop: float) -> tuple[Tensor, dict[str, Any]]:
    """Return the features, and time, rate and memory."""
    device, repeats = options.torch_device, 1 if options.tiny else 3
    if options.on_gpu:
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    features = features_of(work()).float()
    wait(device)
    first_s = time.perf_counter() - start
    start = time.perf_counter()
    work()
    launch_ms = 1000 * (time.perf_counter() - start)
    wait(device)
    seconds = timed(work, device, repeats, repeats)
    row = {"ms": 1000 * seconds, "per_s": batch / seconds, "tflop_per_s": gflop * batch / seconds / 1e3}
    row |= {"launch_ms": launch_ms, "first_call_s": first_s, "finite": bool(features.isfinite().all())}
    if options.on_gpu:
        row |= {"peak_mib": torch.cuda.max_memory_allocated() >> 20, "graph_ms": _graph_ms(work, device)}
    return features, row


def _graph_ms(work: Callable[[], Any], device: torch.device) -> float | str:
    """Return what a network takes as a CUDA graph, or why it cannot be one."""
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        return timed_ms(graph.replay, device, 3, 3)
    except RuntimeError as error:
        return str(error)[:120]


def _share(out: Out, precision: str, tflop_per_s: float) -> dict[str, float]:
    """Return the share of the matrix rate that the part env has measured; with `auto`, convolutions are in TF32."""
    rates = {row["precision"]: row["tflop_per_s"] for row in out.rows("env") if row.get("name") == "matmul"}
    rate = rates.get("tf32" if precision == "auto" else precision)
    return {"share_of_matmul": tflop_per_s / rate} if rate else {}
