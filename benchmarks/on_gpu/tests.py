"""The project's tests of networks on the device, in exact float32: a row for each that fails, as soon as it has.

pytest loads this file as a plugin. Tests that need a package which the machine lacks are left out, and named; so are
those that start the whole program, which the parts runs and workers do.
"""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support import program

from benchmarks.on_gpu.common import ROOT, Options, Out

TESTS = ("tests/models", "tests/utils/nn", "tests/utils/transforms")
OF_A_TINY_RUN = ("tests/models/tvl1/test_median.py",)
N_WORKERS = 12
NOT_HERE = ("--deselect", "tests/utils/nn/test_prepare.py::test_a_compiled_network_gives_the_same")  # the part compile
SUMMARY_S = 8  # for what pytest writes at the end
FLAGS = (
    "-q",
    "--tb=short",
    "--durations=15",
    "--durations-min=1",
    "--continue-on-collection-errors",
    "-p",
    "no:cacheprovider",
    "-p",
    __name__,
)
FOLDER = "FEATMILL_GPU_ROWS"  # the variable with the folder of gpu.jsonl
NEEDS = {"tensorflow_run": "tensorflow", "i3d_prefixes": "tensorflow"}  # fixture -> what it imports elsewhere
MISSING = re.compile(r"ModuleNotFoundError: No module named '(\w+)")
OUTCOMES = ("passed", "failed", "error", "skipped")
MOST_CHARACTERS = 200  # of an error


def measure(out: Out, options: Options) -> None:
    """Run the tests."""
    chosen = OF_A_TINY_RUN if options.tiny else ("-n", str(N_WORKERS), "--dist", "worksteal", *NOT_HERE, *TESTS)
    command = [sys.executable, "-m", "pytest", *FLAGS, *chosen]
    environment = {**os.environ, "FEATMILL_TEST_DEVICE": options.device, FOLDER: str(options.out)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        process.wait(max(5, out.left_s() - SUMMARY_S))
    except subprocess.TimeoutExpired:
        out.row(name="tests", error="no time left")
        process.send_signal(signal.SIGINT)  # it writes how many have passed, and what was slow
        process.wait()


def _row(**values: Any) -> None:
    Out(Path(os.environ[FOLDER]), "tests", 0).row(**values)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests whose fixtures would fail for want of a package, and those of the whole program."""
    left_out = {
        item: f"tests that need {package}"
        for item in items
        for fixture in getattr(item, "fixturenames", ())
        if (package := NEEDS.get(fixture)) and find_spec(package) is None
    }
    left_out |= {item: "tests that start the program" for item in items if _starts_program(item)}
    items[:] = [item for item in items if item not in left_out]
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":  # each worker collects all tests
        for name, n_tests in Counter(left_out.values()).items():
            _row(name=name, left_out=n_tests)


def _starts_program(item: pytest.Item) -> bool:
    """Return whether a test calls the function `run` of tests/support/program.py."""
    if not isinstance(item, pytest.Function):
        return False
    is_imported = getattr(item.module, "run", None) is program.run
    return is_imported and "run" in item.function.__code__.co_names


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write a row for a file that cannot be imported."""
    _write(report)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write a row for a test, or a fixture of it, that failed."""
    _write(report)


def _write(report: pytest.CollectReport | pytest.TestReport) -> None:
    if not report.failed or "PYTEST_XDIST_WORKER" in os.environ:  # the main process hears of all
        return
    missing = MISSING.search(report.longreprtext)
    if missing:
        _row(name=report.nodeid, left_out=f"needs {missing[1]}")
    else:
        lines = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
        _row(name=report.nodeid, ok=False, wrong=" ".join(lines[:2])[:MOST_CHARACTERS])


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write how many tests have passed."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    _row(name="tests", **{f"n_{outcome}": len(terminalreporter.stats.get(outcome, ())) for outcome in OUTCOMES})
