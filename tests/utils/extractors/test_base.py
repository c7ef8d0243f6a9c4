"""What constructing an extractor leaves unchanged, in a separate process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os, sys
import torch

def state():
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    return {
        "cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        "matmul": matmul.allow_tf32,
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "init": dict(vars(torch.nn.init)),
        "compiler": sys.modules.get("torch._dynamo"),
        "environment": dict(os.environ),
    }

before = state()
from models.MODEL.config import CLASSConfig
from models.MODEL.extractor import CLASSExtractor

CLASSExtractor(CLASSConfig(SETTINGS), {"CHECKPOINT": None}, torch.device("cpu"))
after = state()
assert after == before, {name: (before[name], after[name]) for name in before if after[name] != before[name]}
"""


@pytest.mark.parametrize(
    ("model", "prefix", "settings", "checkpoint"),
    [("i3d", "I3D", "streams=['rgb']", "i3d_rgb"), ("vggish", "VGGish", "", "vggish")],
)
def test_constructing_sets_nothing_for_the_whole_process(model, prefix, settings, checkpoint):
    names = {"MODEL": model, "CLASS": prefix, "SETTINGS": settings, "CHECKPOINT": checkpoint}
    program = PROGRAM
    for placeholder, name in names.items():
        program = program.replace(placeholder, name)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
