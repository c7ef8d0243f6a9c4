"""Let tests import the project as its scripts do, from the root of the checkout, and share the cores."""

import os
import shutil
import sys
from collections.abc import Iterator
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


@pytest.fixture(scope="module", autouse=True)
def tmp_path_factory(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[pytest.TempPathFactory]:
    """Pytest's own, whose folders go once the module passed: the checkpoints of all modules would be 8 GB."""
    root, failed = tmp_path_factory.getbasetemp(), request.session.testsfailed
    before = set(root.iterdir())
    yield tmp_path_factory
    if request.session.testsfailed == failed:
        for path in set(root.iterdir()) - before:
            if path.is_symlink() or path.is_file():
                path.unlink()
            else:
                shutil.rmtree(path, ignore_errors=True)
