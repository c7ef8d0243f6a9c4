"""Let tests import the project as its scripts do, from the root of the checkout, and share the cores."""

import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from support import DRAWN

from utils.engines.environment import VARIABLES

MEMORY = 4 << 30  # bytes that a test process and its programs may take

if os.environ.get("FEATMILL_TEST_DEVICE", "cpu") == "cpu":  # also of the programs that tests start
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
for name, value in VARIABLES.items():  # before torch is imported, as the program does for its workers
    os.environ.setdefault(name, value)
if "PYTEST_XDIST_WORKER" in os.environ:  # the test processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("no deadline", deadline=None)  # which an example misses where the cores are busy
settings.load_profile("no deadline")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the random weights that the test processes share."""
    if DRAWN not in os.environ:
        os.environ[DRAWN] = tempfile.mkdtemp(prefix="featmill-drawn-")
        config.add_cleanup(partial(shutil.rmtree, os.environ[DRAWN], ignore_errors=True))


@pytest.fixture(params=[1, 2])
def n_threads(request: pytest.FixtureRequest) -> Generator[int, None, None]:
    """Let PyTorch use one thread, and two."""
    import torch  # not needed by pytest-xdist's main process

    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int | None:
    """Run one test process more than there are cores, since tests wait for programs, servers and clocks."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    from utils.engines.devices import n_cores  # imports numpy, before which the variables are set

    return max(1, min(n_cores() + 1, psutil.virtual_memory().total // MEMORY))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what is drawn, and leave out tests of bits where the device is not a CPU."""
    from support.drawn import keep_drawn  # imports PyTorch, which pytest-xdist's main process needs not

    keep_drawn()
    if os.environ.get("FEATMILL_TEST_DEVICE", "cpu") == "cpu":
        return
    of_bits = [item for item in items if item.get_closest_marker("bits")]
    items[:] = [item for item in items if item not in of_bits]
    config.hook.pytest_deselected(items=of_bits)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Remove the folders of a fixture when it is torn down: checkpoints of all tests together would be 8 GB."""
    if "tmp_path_factory" not in fixturedef.argnames:
        return (yield)
    root = request.getfixturevalue("tmp_path_factory").getbasetemp()
    before = set(root.iterdir())
    result = yield
    for folder in set(root.iterdir()) - before:
        fixturedef.addfinalizer(partial(shutil.rmtree, folder, ignore_errors=True))
    return result
