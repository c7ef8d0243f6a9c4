"""Golden cases with networks prepared as in a run, in every number format that this CPU has."""

from typing import Any

import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error
from support.networks import CASES, FLOW, features_of, write
from support.program import needs_compiler
from torch import nn

from models.raft.config import RAFTConfig
from models.raft.extractor import RAFTExtractor
from utils.errors import UserError
from utils.nn.prepare import ComputeMode, check_supported, exact_float32, prepare_flow, prepare_layers, prepare_network

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", CASES)
def test_golden_cases_pass_as_networks_run(name, tmp_path):
    golden = CASES[name]
    checkpoint = write(golden, tmp_path / "published.pt")
    expected, meta = case(golden.model, golden.name)
    errors = {}
    for precision in ("float32", "bf16"):
        compute = ComputeMode(precision)
        if precision == "bf16" and not can(compute):
            continue
        make = prepare_layers if name in FLOW else prepare_network
        network = make(golden.load(checkpoint), DEVICE, compute, golden.float32_parts)
        with torch.inference_mode():
            outputs = features_of(network(*(given.to(DEVICE) for given in golden.inputs(meta))))
        assert outputs.dtype == torch.float32
        errors[precision] = relative_error(outputs.reshape(expected[golden.output].shape), expected[golden.output])
    assert errors["float32"] < TOLERANCE
    assert errors.get("bf16", 0.0) < golden.bf16_tolerance


def can(compute: ComputeMode) -> bool:
    try:
        check_supported(compute, DEVICE)
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
def test_flow_networks_refuse_to_be_compiled_on_a_cpu():
    with pytest.raises(UserError, match=r"--compile: raft is not faster compiled on a CPU .*; leave it out"):
        RAFTExtractor(RAFTConfig(), {"raft": None}, CPU, ComputeMode(compile=True))


def test_float32_parts_get_and_give_float32():
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    wrapped = prepare_network(network, CPU, ComputeMode("bf16"), ("1",)) if can(ComputeMode("bf16")) else network
    assert wrapped(torch.ones(3, 4)).dtype == torch.float32
    assert {parameter.dtype for parameter in network[1].parameters()} == {torch.float32}


def test_exact_float32_is_exact_inside_alone():
    matmul = torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, True
    try:
        with exact_float32(torch.device("cuda")):
            assert not matmul.allow_tf32
        with exact_float32(CPU):
            assert matmul.allow_tf32
        assert matmul.allow_tf32
    finally:
        matmul.allow_tf32 = before


def test_both_steps_of_a_flow_network_are_compiled_on_a_gpu(monkeypatch):
    network: Any = nn.Identity()
    network.encode, network.between = "encode", "between"
    monkeypatch.setattr(network, "to", lambda _device: network)
    monkeypatch.setattr(torch, "compile", lambda step: f"compiled {step}")
    prepare_flow(network, torch.device("cuda"), ComputeMode(compile=True))
    assert (network.encode, network.between) == ("compiled encode", "compiled between")
    assert prepare_flow(network, CPU, ComputeMode(compile=True)).encode == "compiled encode"


def test_inputs_arrive_in_the_type_and_layout_of_the_weights():
    given = []
    compute = ComputeMode("bf16") if can(ComputeMode("bf16")) else ComputeMode()
    network = prepare_network(nn.Sequential(nn.Identity()), CPU, compute)
    network.get_submodule("0").register_forward_pre_hook(lambda _layer, inputs: given.append(inputs[0]))
    assert network(torch.ones(2, 3, 5, 5)).dtype == torch.float32
    assert given[-1].dtype == compute.dtype and given[-1].is_contiguous(memory_format=torch.channels_last)
