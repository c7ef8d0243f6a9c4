"""The device that tests compute on: FEATMILL_TEST_DEVICE, the CPU by default.

On a GPU, run those that do not start the whole program: `FEATMILL_TEST_DEVICE=cuda pytest tests/models tests/utils/nn`.
Tests that compare bits, marked `bits`, are left out there: bits hold on CPUs. Golden cases may differ more there.
"""

import os

import torch

from utils.nn.prepare import ComputeMode, set_process_flags

DEVICE = torch.device(os.environ.get("FEATMILL_TEST_DEVICE", "cpu"))
TOLERANCE = 1e-4 if DEVICE.type == "cpu" else 1e-3  # relative error of golden cases
set_process_flags(ComputeMode("float32"), DEVICE)  # PyTorch's default is TF32
torch.backends.cudnn.benchmark = False  # a search of seconds for each new shape, and every case has its own
