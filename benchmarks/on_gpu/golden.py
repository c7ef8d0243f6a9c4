"""The error of each network on the device in every number format: against golden data, or against the CPU."""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
import torch._dynamo  # before threads import libraries, which may put a stand-in in its place meanwhile
from support.golden import case, relative_error
from support.networks import CASES, FLOW, Golden, features_of, write
from torch import Tensor, nn

from benchmarks.networks import Subject
from benchmarks.on_gpu.accuracy import GOLDEN, SUBJECTS, WITHOUT_WEIGHTS
from benchmarks.on_gpu.common import TOLERANCE, Options, Out, cosine
from benchmarks.on_gpu.networks import ready
from utils.nn.prepare import ComputeMode, prepare_layers, prepare_network, set_process_flags

OF_A_TINY_RUN = ("pwc", "vggish", "tvl1")
ALL: dict[str, Golden | Subject] = CASES | GOLDEN | SUBJECTS
BATCH = 2  # of networks that are compared with the CPU
N_THREADS = 8  # that draw weights and write checkpoints, while the device checks others


def measure(out: Out, options: Options) -> None:
    """Check every network that --networks names, by its name here or the first word of it."""
    precisions = ("float32", "auto", "tf32", "bf16", "fp16") if options.on_gpu else ("float32", "bf16")
    names = OF_A_TINY_RUN if options.tiny else [name for name in ALL if options.wants(name.split()[0])]
    with ThreadPoolExecutor(N_THREADS) as pool:
        made = {name: pool.submit(_made, name, options) for name in names}
        for name in names:
            with out.guarded(name=name):
                if out.left_s() < 3:
                    raise TimeoutError("no time left")
                known, network = ALL[name], made.pop(name).result()
                if isinstance(known, Golden):
                    _golden(out, options, name, known, network, precisions)
                else:
                    _against_cpu(out, options, name, network, precisions)


def _made(name: str, options: Options) -> Any:
    """Return a network with its seeded weights."""
    known = ALL[name]
    if isinstance(known, Subject):
        return known.make()
    path = write(known, options.scratch / f"{name}.pt")
    network = known.load(path)
    path.unlink()
    return network


def _golden(
    out: Out, options: Options, name: str, golden: Golden, loaded: nn.Module, precisions: tuple[str, ...]
) -> None:
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


@torch.inference_mode()
def _against_cpu(out: Out, options: Options, name: str, drawn: nn.Module, precisions: tuple[str, ...]) -> None:
    subject, device, has_weights = SUBJECTS[name], options.torch_device, name not in WITHOUT_WEIGHTS
    expected = features_of(ready(drawn, subject, ComputeMode(), BATCH, torch.device("cpu"))())
    for precision in precisions if has_weights else precisions[:1]:
        compute = ComputeMode(precision)
        work = ready(drawn, subject, compute, BATCH, device)
        _set_flags(compute, device)
        _write(out, f"{name} against the CPU", precision, features_of(work()), expected, has_weights)


def _set_flags(compute: ComputeMode, device: torch.device) -> None:
    set_process_flags(compute, device)
    torch.backends.cudnn.benchmark = False  # each case has other shapes


def _write(out: Out, name: str, precision: str, ours: Tensor, expected: Tensor, is_checked: bool = True) -> None:
    ours = ours.float().cpu()
    row = {"relative_error": relative_error(ours, expected), "cosine": cosine(ours, expected)}
    verdict = {"ok": row["relative_error"] < TOLERANCE} if precision == "float32" and is_checked else {}
    out.row(name=name, precision=precision, **row, **verdict)
