"""The error of each network on the device in every number format: against golden data, or against the CPU."""

import copy

import torch
from support.golden import case, relative_error
from support.networks import CASES, FLOW, Golden, features_of, write
from torch import Tensor

from benchmarks.on_gpu.accuracy import GOLDEN, SUBJECTS, WITHOUT_WEIGHTS
from benchmarks.on_gpu.common import TOLERANCE, Options, Out, cosine
from benchmarks.on_gpu.networks import ready
from utils.nn.prepare import ComputeMode, prepare_layers, prepare_network, set_process_flags

OF_A_TINY_RUN = ("pwc", "vggish", "tvl1")
BATCH = 2  # of networks that are compared with the CPU


def measure(out: Out, options: Options) -> None:
    """Check every network."""
    precisions = ("float32", "auto", "tf32", "bf16", "fp16") if options.on_gpu else ("float32", "bf16")
    for name, golden in (CASES | GOLDEN).items():
        if not options.tiny or name in OF_A_TINY_RUN:
            with out.guarded(name=name):
                _golden(out, options, name, golden, precisions)
    for name in SUBJECTS:
        if not options.tiny or name in OF_A_TINY_RUN:
            with out.guarded(name=name), torch.inference_mode():
                _against_cpu(out, options, name, precisions[:1] if name in WITHOUT_WEIGHTS else precisions)


def _golden(out: Out, options: Options, name: str, golden: Golden, precisions: tuple[str, ...]) -> None:
    loaded = golden.load(write(golden, options.scratch / f"{name}.pt"))
    arrays, meta = case(golden.model, golden.name)
    inputs, expected = golden.inputs(meta), torch.from_numpy(arrays[golden.output])
    make, device = prepare_layers if name in FLOW else prepare_network, options.torch_device
    for precision in precisions:
        compute = ComputeMode(precision)
        _set_flags(compute, device)
        network = make(copy.deepcopy(loaded), device, compute, golden.float32_parts)
        with torch.inference_mode():
            ours = features_of(network(*(given.to(device) for given in inputs)))
        _write(out, f"{name} {golden.name}", precision, ours.reshape(expected.shape), expected)


def _against_cpu(out: Out, options: Options, name: str, precisions: tuple[str, ...]) -> None:
    subject, device = SUBJECTS[name], options.torch_device
    drawn = subject.make()
    expected = features_of(ready(drawn, subject, ComputeMode(), BATCH, torch.device("cpu"))())
    for precision in precisions:
        compute = ComputeMode(precision)
        work = ready(drawn, subject, compute, BATCH, device)
        _set_flags(compute, device)
        ours = features_of(work())
        _write(out, f"{name} against the CPU", precision, ours, expected, name not in WITHOUT_WEIGHTS)


def _set_flags(compute: ComputeMode, device: torch.device) -> None:
    set_process_flags(compute, device)
    torch.backends.cudnn.benchmark = False  # each case has other shapes


def _write(out: Out, name: str, precision: str, ours: Tensor, expected: Tensor, is_checked: bool = True) -> None:
    ours = ours.float().cpu()
    row = {"relative_error": relative_error(ours, expected), "cosine": cosine(ours, expected)}
    verdict = {"ok": row["relative_error"] < TOLERANCE} if precision == "float32" and is_checked else {}
    out.row(name=name, precision=precision, **row, **verdict)
