"""The process of a caller of the Python interface: what it keeps, and what of it changes no feature."""

import contextlib
import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from support.media import moving_frames, waveform, write_clip
from support.program import ROOT

import featmill


@contextlib.contextmanager
def changed(get, put, value):
    before = get()
    put(value)
    try:
        yield
        assert get() == value
    finally:
        put(before)


MODES = {
    "float64": lambda: changed(torch.get_default_dtype, torch.set_default_dtype, torch.float64),
    "device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference": torch.inference_mode,
    "medium": lambda: changed(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium"),
}


@pytest.mark.filterwarnings("ignore:--weights random")
@pytest.mark.parametrize("mode", MODES)
def test_modes_of_the_caller_change_no_bit(mode):
    """VGGish makes spectrograms in decode threads, which the caller's process-wide settings reach."""

    def features():
        return featmill.extract(waveform(1, 2.0, 16000), "vggish", rate_hz=16000, weights="random")["vggish"]

    expected = features()
    with MODES[mode]():
        found = features()
    np.testing.assert_array_equal(found, expected, strict=True)


SCRIPT = """
import os, signal, sys
import torch
from torch.utils.data import DataLoader
import featmill

class Features(torch.utils.data.Dataset):
    def __len__(self):
        return 2
    def __getitem__(self, index):
        return features()

def features():
    flags = {"model_name": "resnet18", "weights": "random", "extraction_total": 2}
    return featmill.extract(sys.argv[1], "resnet", **flags)["resnet"]

def state():
    flags = [torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark, torch.get_num_threads()]
    flags += [torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()]
    return [dict(os.environ), os.getcwd(), signal.getsignal(signal.SIGINT), torch.get_rng_state().tolist(), *flags]

def equal(ours, expected):  # but for rounding: the two videos of `map` may share a batch
    return abs(ours - expected).max() < 1e-6 * abs(expected).max()

before = state()
with featmill.Extractor("clip", model_name="RN50", weights="random", extraction_fps=1) as extractor:
    for video in extractor.map([sys.argv[1]] * 2):
        assert state() == before
        torch.ones(1, requires_grad=True).sum().backward()
    child = os.fork()
    if not child:
        os._exit(0 if equal(extractor(sys.argv[1])["clip"], video["clip"]) else 1)
    assert os.waitpid(child, 0)[1] == 0
expected = features()
assert state() == before
for batch in DataLoader(Features(), num_workers=1):  # forked, from an unguarded script
    assert torch.allclose(batch[0], torch.from_numpy(expected), rtol=1e-4, atol=1e-4)
child = os.fork()
if not child:
    os._exit(0 if equal(features(), expected) else 1)
assert os.waitpid(child, 0)[1] == 0
print("as before")
"""


def test_an_unguarded_script_keeps_its_state_and_can_fork(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving_frames(60))
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py", str(clip)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "as before", done.stderr


def test_importing_it_is_quick_and_imports_no_torch():
    program = (
        "import sys, time; start = time.perf_counter(); import featmill; "
        "print(time.perf_counter() - start, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, has_torch = done.stdout.split()
    assert float(seconds) < 0.3 and has_torch == "False"


@pytest.mark.filterwarnings("ignore:--weights random")
@pytest.mark.parametrize(
    ("feature_type", "flags"), [("resnet", {"model_name": "resnet18"}), ("pwc", {"side_size": 64})]
)
def test_threads_have_ended_when_the_block_has(monkeypatch, tmp_path, feature_type, flags):
    """Those of networks on CPUs too, whatever keeps the networks in memory."""
    clip = write_clip(tmp_path / "clip.mp4", moving_frames(40))
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)  # however many this process may use
    before = set(threading.enumerate())
    with featmill.Extractor(feature_type, device="cpu", weights="random", **flags) as extractor:
        extractor(clip)
        during = set(threading.enumerate()) - before
        monkeypatch.setattr(gc, "collect", lambda: 0)
    assert during and set(threading.enumerate()) <= before
