"""Golden cases with networks prepared as in a run, in every number format that this CPU has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.golden import GOLDEN, case, golden_clips, moving_frames, relative_error, write_checkpoint
from support.program import needs_compiler
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from models.i3d.weights import load_i3d
from models.i3d_r50.weights import load_i3d_r50
from models.pwc.weights import load_pwc
from models.raft.config import RAFTConfig
from models.raft.extractor import RAFTExtractor
from models.raft.weights import load_raft
from models.slowfast.preprocess import network_input
from models.slowfast.weights import load_slowfast
from models.slowonly.weights import load_slowonly
from models.swin.weights import load_swin
from models.tsn.weights import load_tsn
from models.vggish.weights import load_vggish
from utils.errors import UserError
from utils.nn.prepare import ComputeMode, check_supported, exact_float32, prepare_layers, prepare_network
from utils.weights.seeded import fill_random

CPU = torch.device("cpu")
FLOAT32_TOLERANCE = 1e-4  # as everywhere


@dataclass(frozen=True)
class Golden:
    """A golden case: checkpoint layout, loader, case, input, output, and the relative error that bf16 may have."""

    model: str
    load: Callable[[Path], nn.Module]
    name: str
    inputs: Callable[[dict[str, Any]], tuple[Tensor, ...]]
    output: str
    bf16_tolerance: float
    float32_parts: tuple[str, ...] = ("classifier",)
    keys: str = "keys.json"
    wrapper: str | None = "state_dict"


def drawn(meta: dict[str, Any]) -> tuple[Tensor, ...]:
    rng = np.random.default_rng(meta["input"]["seed"])
    return (torch.from_numpy(rng.normal(0.0, meta["input"]["scale"], meta["input"]["shape"]).astype(np.float32)),)


def frames(meta: dict[str, Any]) -> Tensor:
    rule = meta["input"]
    return torch.from_numpy(moving_frames(rule["seed"], rule.get("n", 32), rule["height"], rule["width"]))


def clips(meta: dict[str, Any]) -> tuple[Tensor, ...]:
    return (golden_clips(meta["input"]),)


def pairs(meta: dict[str, Any]) -> tuple[Tensor, ...]:
    pixels = frames(meta).permute(0, 3, 1, 2).float()
    return pixels[:-1], pixels[1:]


def with_index_tables(path: Path) -> Path:
    """Put the real index tables of Swin into a checkpoint, which has zeros there."""
    with np.load(GOLDEN / "swin_tiny" / "relative_position_index.npz") as file:
        index = torch.from_numpy(file["output_index"].astype(np.int64))
    tensors = torch.load(path, weights_only=True)["state_dict"]
    tensors = {name: index if name.endswith("_index") else tensor for name, tensor in tensors.items()}
    torch.save({"state_dict": tensors}, path)
    return path


def i3d(stream: str) -> Golden:
    load = lambda path: load_i3d(path, stream, 1e-5, "video_features")  # noqa: E731
    parts = ("conv3d_0c_1x1",)
    return Golden(f"i3d_{stream}", load, "case_t10", drawn, "output_features", 0.01, parts, wrapper=None)


CASES = {
    "i3d_rgb": i3d("rgb"),
    "i3d_flow": i3d("flow"),
    "slowonly": Golden("slowonly_r50", load_slowonly, "case_2x4x64x64", clips, "output_feature", 0.01),
    "i3d_r50": Golden("i3d_r50_nl", load_i3d_r50, "case_2x32x64x64", clips, "output_feature", 0.01),
    "slowfast": Golden(
        "slowfast_r50",
        load_slowfast,
        "case_224",
        lambda meta: (network_input(frames(meta)[None]),),
        "output_features",
        0.01,
        keys="keys_pytorchvideo.json",
        wrapper="model_state",
    ),
    "tsn": Golden("tsn_r50", load_tsn, "case_5x64x96", clips, "output_clip", 0.01, ("classifier", "backbone.avgpool")),
    "swin": Golden(
        "swin_tiny",
        lambda path: load_swin(with_index_tables(path)),
        "case_2x32x64x64",
        clips,
        "output_feature",
        0.02,
        ("classifier", "backbone.avgpool"),
    ),
    "vggish": Golden(
        "vggish",
        load_vggish,
        "case_torch_weights",
        lambda meta: (torch.from_numpy(case("vggish", "case_torch_weights")[0]["input"]),),
        "output_embedding",
        0.015,
        (),
        "keys_torch.json",
        None,
    ),
    "raft": Golden("raft", load_raft, "case_flow_133x203", pairs, "output_flow_padded", 0.05, (), wrapper=None),
    "pwc": Golden("pwc", load_pwc, "case_flow_100x140", pairs, "output_flow_align_true", 0.05, (), wrapper=None),
}
FLOW = ("raft", "pwc")  # they cast themselves


@pytest.mark.parametrize("name", CASES)
def test_golden_cases_pass_as_networks_run(name, tmp_path):
    golden = CASES[name]
    checkpoint = tmp_path / "published.pt"
    write_checkpoint(checkpoint, golden.model, golden.keys, golden.wrapper)
    expected, meta = case(golden.model, golden.name)
    errors = {}
    for precision in ("float32", "bf16"):
        compute = ComputeMode(precision)
        if precision == "bf16" and not can(compute):
            continue
        make = prepare_layers if name in FLOW else prepare_network
        network = make(golden.load(checkpoint), CPU, compute, golden.float32_parts)
        with torch.inference_mode():
            outputs = network(*golden.inputs(meta))
        while not isinstance(outputs, Tensor):  # features come before logits, and SlowFast's last layer is the one
            outputs = outputs[-1] if isinstance(outputs, list) else outputs[0]
        assert outputs.dtype == torch.float32
        errors[precision] = relative_error(outputs.reshape(expected[golden.output].shape), expected[golden.output])
    assert errors["float32"] < FLOAT32_TOLERANCE
    assert errors.get("bf16", 0.0) < golden.bf16_tolerance


def can(compute: ComputeMode) -> bool:
    try:
        check_supported(compute, CPU)
    except UserError:
        return False
    return True


@pytest.mark.parametrize("precision", ["tf32", "fp16"])
def test_what_needs_a_gpu_says_so(precision):
    with pytest.raises(UserError, match=f"--precision {precision} needs a GPU; on a CPU use bf16 or float32"):
        check_supported(ComputeMode(precision), CPU)


def test_a_cpu_without_bf16_says_so(monkeypatch):
    monkeypatch.setattr("utils.nn.prepare._cpu_has_bf16", lambda: False)
    with pytest.raises(UserError, match="no instructions for it"):
        check_supported(ComputeMode("bf16"), CPU)


def test_compiling_without_a_compiler_says_so(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"--compile needs a C\+\+ compiler"):
        check_supported(ComputeMode(compile=True), CPU)


@needs_compiler
def test_a_compiled_network_gives_the_same(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), Bottleneck(8, 2), nn.Flatten(), nn.Linear(8 * 36, 5))
    network = nn.Sequential(*layers)
    fill_random(network)
    x = torch.ones(2, 3, 8, 8)
    with torch.inference_mode():
        expected = network.eval()(x)
        compiled = prepare_network(network, CPU, ComputeMode(compile=True))
        assert relative_error(compiled(x), expected) < 1e-6


@needs_compiler
def test_flow_networks_refuse_to_be_compiled():
    with pytest.raises(UserError, match=r"--compile: raft is not faster when compiled .*; leave it out"):
        RAFTExtractor(RAFTConfig(), {"raft": None}, CPU, ComputeMode(compile=True))


def test_float32_parts_get_and_give_float32():
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    wrapped = prepare_network(network, CPU, ComputeMode("bf16"), ("1",)) if can(ComputeMode("bf16")) else network
    assert wrapped(torch.ones(3, 4)).dtype == torch.float32
    assert {parameter.dtype for parameter in network[1].parameters()} == {torch.float32}


def test_exact_float32_is_exact_inside_alone(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", True)
    with exact_float32():
        assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cuda.matmul.allow_tf32
