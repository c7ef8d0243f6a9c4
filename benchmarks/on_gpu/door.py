"""featmill.Extractor on the device, several in one process, against the CPU; and what they leave in the process."""

import gc
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from support.golden import relative_error

import featmill
from benchmarks.on_gpu.common import TOLERANCE, Options, Out
from benchmarks.on_gpu.runs import with_sound
from benchmarks.on_gpu.workers import AGREE
from utils.nn import process_flags
from utils.transforms.kernels import pixels_right

FLAGS: dict[str, dict[str, Any]] = {
    "clip": {},
    "resnet": {},
    "vggish": {},
    "i3d": {"stack_size": 16, "step_size": 16},
    "slowfast": {},
}
OF_A_TINY_RUN = ("vggish",)
END_S = 3  # of each clip: the CPU does them too


def measure(out: Out, options: Options) -> None:
    """Check the kernels that all types use, each type, then what is left of all."""
    with out.guarded(name="kernels of pixels"):
        _pixel_kernels(out, options)
    clips = with_sound(options.clips())[:2]
    flags_before, held_before = _process_flags(), _held_mib(options)
    for name in OF_A_TINY_RUN if options.tiny else FLAGS:
        with out.guarded(name=name):
            _check(out, options, name, clips)
    changed = {name: now for name, now in _process_flags().items() if now != flags_before[name]}
    out.row(name="PyTorch's flags", changed=changed, ok=not changed)
    gc.collect()
    out.row(name="memory of the device", left_mib=_held_mib(options) - held_before)


def _pixel_kernels(out: Out, options: Options) -> None:
    """Check that they work: where they do not, a run goes on with PyTorch's operations and says so in its log only."""
    if options.on_gpu:
        from utils.transforms import pixel_kernels  # needs Triton

        out.row(name="kernels of pixels", ok=pixels_right(pixel_kernels, torch.device("cuda", 0)))


def _check(out: Out, options: Options, name: str, clips: list[Path]) -> None:
    """Compare with the CPU; and with what the same extractor gives in turns with one that sets other flags."""
    device, other_precision = ("cuda:0", "bf16") if options.on_gpu else ("cpu", "float32")
    videos = [{"path": clip, "end_s": END_S} for clip in clips]
    flags = {"weights": "random", "precision": "float32", **FLAGS[name]}
    with featmill.Extractor(name, device="cpu", **flags) as on_cpu:
        expected = list(on_cpu.map(videos))
    start = time.perf_counter()
    with featmill.Extractor(name, device=device, **flags) as extractor:
        alone = list(extractor.map(videos))
        seconds = time.perf_counter() - start
        with featmill.Extractor(name, device=device, **flags | {"precision": other_precision}) as other:
            in_turns = [ours for ours, _ in zip(extractor.map(videos), other.map(videos), strict=True)]
    error = max(_error(*pair) for pair in zip(alone, expected, strict=True))
    beside = max(_error(*pair) for pair in zip(in_turns, alone, strict=True))
    out.row(name=name, relative_error=error, seconds=seconds, ok=error < TOLERANCE)
    out.row(name=f"{name} in turns with {other_precision}", relative_error=beside, ok=beside < AGREE)


def _error(ours: Mapping[str, Any], reference: Mapping[str, Any]) -> float:
    """Return the largest relative error of an array; infinite where there are none, or others."""
    if ours.keys() != reference.keys():
        return float("inf")
    return max((relative_error(ours[key], reference[key]) for key in reference), default=float("inf"))


def _process_flags() -> dict[str, Any]:
    """Return PyTorch's settings that an extractor sets while it computes."""
    rounding = [(torch.backends.cudnn, "allow_tf32"), (torch.backends.cuda.matmul, "allow_tf32")]
    owned = [*rounding, *process_flags.FLAGS]
    return {f"{type(owner).__name__}.{name}": getattr(owner, name) for owner, name in owned}


def _held_mib(options: Options) -> int:
    return torch.cuda.memory_allocated() >> 20 if options.on_gpu else 0
