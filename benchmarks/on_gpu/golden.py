"""Golden cases on the device: each network in every number format, then the tests of all cases in float32."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import torch
from support.golden import case, relative_error
from support.networks import CASES, FLOW, features_of, write

from benchmarks.on_gpu.common import ROOT, TOLERANCE, Options, Out, cosine
from utils.nn.prepare import ComputeMode, prepare_layers, prepare_network, set_process_flags

TESTS = ("tests/models", "tests/utils/nn", "tests/utils/transforms")
WHERE = "FEATMILL_TEST_DEVICE"  # as tests/support/device.py reads it


def measure(out: Out, options: Options) -> None:
    """Check every golden case."""
    reduced = ("auto", "tf32", "bf16", "fp16") if options.on_gpu else ("bf16",)
    for name in ("pwc", "vggish") if options.tiny else CASES:
        with out.guarded(name=name):
            checkpoint = write(CASES[name], options.scratch / f"{name}.pt")
            for precision in ("float32", *reduced):
                _network(out, options, name, checkpoint, precision)
    if options.on_gpu:
        _tests(out, options)


def _network(out: Out, options: Options, name: str, checkpoint: Path, precision: str) -> None:
    golden, compute, device = CASES[name], ComputeMode(precision), options.torch_device
    set_process_flags(compute, device)
    torch.backends.cudnn.benchmark = False  # each case has other shapes
    make = prepare_layers if name in FLOW else prepare_network
    network = make(golden.load(checkpoint), device, compute, golden.float32_parts)
    arrays, meta = case(golden.model, golden.name)
    with torch.inference_mode():
        ours = features_of(network(*(given.to(device) for given in golden.inputs(meta)))).float().cpu()
    expected = torch.from_numpy(arrays[golden.output])
    row = {"relative_error": relative_error(ours.reshape(expected.shape), expected), "cosine": cosine(ours, expected)}
    verdict = {"ok": row["relative_error"] < TOLERANCE} if precision == "float32" else {}
    out.row(name=f"{name} {golden.name}", precision=precision, **row, **verdict)


def _tests(out: Out, options: Options) -> None:
    """Run the project's tests of networks on the device, and write a row for each that fails."""
    report = options.out / "tests.xml"
    command = [sys.executable, "-m", "pytest", "-q", "--continue-on-collection-errors", f"--junitxml={report}", *TESTS]
    try:
        subprocess.run(command, cwd=ROOT, env={**os.environ, WHERE: options.device}, timeout=max(5, out.left_s()))
    except subprocess.TimeoutExpired:
        out.row(name="tests", error="no time left")
        return
    found = ElementTree.parse(report).getroot().iter("testcase")
    failed = [test for test in found if test.find("failure") is not None or test.find("error") is not None]
    for test in failed:
        out.row(name=f"{test.get('classname')}::{test.get('name')}", ok=False)
    out.row(name="tests", failed=len(failed), ok=not failed)
