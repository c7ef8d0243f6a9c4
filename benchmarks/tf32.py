"""What TF32 in convolutions does to features, emulated on a CPU: factors rounded to 10 bits, sums in float32.

    python -m benchmarks.tf32 [NAME ...]

Networks have seeded weights. Those with golden cases see their input, the others a smooth one. The error is that of the
features against the same network in float32; `i3d` quantizes its flow, so its flow stream is run from frames on.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from support.golden import case, moving_frames, relative_error
from support.networks import CASES, features_of, write
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import record
from benchmarks.networks import SUBJECTS
from utils.nn.batch_norm import fuse_batch_norms
from utils.nn.cpu import onednn
from utils.weights.seeded import fill_random

DROPPED_BITS = 13  # of float32's 23
FLOWS = ("pwc", "raft")
TIMM = "resnet50.a1_in1k"


def rounded(values: Tensor) -> Tensor:
    """Return float32 rounded to TF32, halves away from zero, as cuDNN's kernels convert it."""
    bits = values.contiguous().view(torch.int32) + (1 << (DROPPED_BITS - 1))
    return (bits & -(1 << DROPPED_BITS)).view(torch.float32)


class RoundedConvolutions(TorchDispatchMode):
    """In a `with` block, convolutions see their input and weight in TF32."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return what `func` returns."""
        if func is torch.ops.aten.convolution.default:
            args = (rounded(args[0]), rounded(args[1]), *args[2:])
        return func(*args, **(kwargs or {}))


def ready(network: nn.Module) -> nn.Module:
    """Return a network as it runs on a GPU: batch norms fused, none of the CPU's kernels."""
    network.eval().requires_grad_(False)
    fuse_batch_norms(network)
    return network


def error_of(work: Callable[[], Any]) -> float:
    """Return the relative error that TF32 makes in the features that `work` returns."""
    with torch.no_grad():
        exact = features_of(work())
        with RoundedConvolutions():
            return relative_error(features_of(work()), exact)


def golden(name: str, folder: Path) -> Callable[[], Any]:
    """Return the network of a golden case on its input."""
    one = CASES[name]
    network = ready(one.load(write(one, folder / f"{name}.pt")))
    inputs = one.inputs(case(one.model, one.name)[1])
    return lambda: network(*inputs)


def subject(network: nn.Module, shape: tuple[int, ...]) -> Callable[[], Any]:
    """Return a network on a smooth input, normalized."""
    coarse = torch.rand(1, shape[0], *(max(1, n // 8) for n in shape[1:]), generator=torch.Generator().manual_seed(0))
    smooth = nn.functional.interpolate(coarse, shape[1:], mode=("linear", "bilinear", "trilinear")[len(shape) - 2])
    ready(network)
    return lambda: network((smooth - 0.45) / 0.225)


def i3d_flow(flow: str, folder: Path) -> Callable[[], Any]:
    """Return I3D's flow stream from frames on, by a flow network, as in the golden case of its pipeline."""
    from models.i3d.preprocess import flow_input, quantize_flow

    networks = {name: ready(CASES[name].load(write(CASES[name], folder / f"{name}.pt"))) for name in (flow, "i3d_flow")}
    frames = torch.from_numpy(moving_frames(401, 17, 240, 320)).permute(0, 3, 1, 2).float()

    def work() -> Any:
        pairs = zip(frames[:-1].split(1), frames[1:].split(1), strict=True)
        levels = torch.cat([quantize_flow(networks[flow](*pair)) for pair in pairs])
        return networks["i3d_flow"](flow_input(levels[None]))

    return work


class _Pooled(nn.Module):
    """A network of the library transformers that returns its pooled features."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Return features [B, D]."""
        return self.network(pixels).pooler_output


def _dinov2() -> nn.Module:
    from transformers import Dinov2Config, Dinov2Model

    network = Dinov2Model(Dinov2Config(patch_size=14, image_size=224))
    fill_random(network)
    return _Pooled(network)


def works(folder: Path) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return what makes each network, by name."""
    from models.timm.weights import random_timm

    found: dict[str, Callable[[], Callable[[], Any]]] = {name: lambda name=name: golden(name, folder) for name in CASES}
    for name in ("s3d", "r21d", "clip", "resnet50", "videomae", "internvideo2", "panns"):
        found[name] = lambda name=name: subject(SUBJECTS[name].make(), SUBJECTS[name].shape)
    found["transformers"] = lambda: subject(_dinov2(), (3, 224, 224))
    found["timm"] = lambda: subject(random_timm(TIMM), (3, 224, 224))
    for flow in FLOWS:
        found[f"i3d_flow from frames, {flow}"] = lambda flow=flow: i3d_flow(flow, folder)
    return found


def main(arguments: list[str]) -> None:
    """Measure, print a table and save the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="networks (default: all)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    onednn.CONVOLVE = None  # its convolutions would not be seen
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in works(Path(folder)).items():
            if not options.names or name in options.names:
                errors[name] = error_of(make())
                print(f"{name:30} {errors[name]:.1e}", flush=True)
    record.write("tf32", {"emulated": True, "relative_error": errors}, options.results)


if __name__ == "__main__":
    main(sys.argv[1:])
