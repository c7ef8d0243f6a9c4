"""Let tests import the project as its scripts do, from the root of the checkout, and share the cores."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from utils.engines.environment import VARIABLES

if os.environ.get("FEATMILL_TEST_DEVICE", "cpu") == "cpu":  # also of the programs that tests start
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
for name, value in VARIABLES.items():  # before torch is imported, as the program does for its workers
    os.environ.setdefault(name, value)
if "PYTEST_XDIST_WORKER" in os.environ:  # the test processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of bits where the device is not a CPU."""
    if os.environ.get("FEATMILL_TEST_DEVICE", "cpu") == "cpu":
        return
    of_bits = [item for item in items if item.get_closest_marker("bits")]
    items[:] = [item for item in items if item not in of_bits]
    config.hook.pytest_deselected(items=of_bits)
