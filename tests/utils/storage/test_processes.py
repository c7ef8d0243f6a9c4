"""Which processes are running: known by names that no other process has, even if the clock is set meanwhile."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import psutil
import pytest

from utils.errors import RunError
from utils.storage import processes
from utils.storage.files import check_writable

PROGRAM = "from utils.storage import processes; print(processes.identity(), flush=True); input()"


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process of this machine, and its name."""
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process, cast(IO[str], process.stdout).readline().strip()
        process.kill()


def test_another_process_is_alive_until_it_ends(other: tuple[subprocess.Popen[str], str]) -> None:
    process, name = other
    assert name != processes.identity()
    assert processes.is_alive(name) is True
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert processes.is_alive(name) is False
    process.wait()
    assert processes.is_alive(name) is False


def test_names_of_other_systems_and_versions() -> None:
    own = processes.identity()
    assert processes.is_alive(own) is True
    host, system, pid, started = own.split("~")
    assert processes.is_alive(f"{host}~{system}~{pid}~{int(started) - 1}") is False  # the number of another process now
    assert processes.is_alive(f"{host}~{system}~{10**30}~1") is False
    assert processes.is_alive(f"elsewhere~{system}~{pid}~{started}") is None
    assert processes.is_alive(f"{host}~{system}~{pid}~0") is None  # by a version that did not know the start
    for name in ("", f"{host}~{system}~{pid}", f"{host}~{system}~{pid}~early", f"{own}~1"):
        assert processes.is_alive(name) is None


def test_a_hidden_process_does_not_count_as_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the mount option hidepid, /proc shows nobody else's processes."""

    def refuse(*_: int) -> None:
        raise PermissionError

    name = processes.identity()
    monkeypatch.setattr(psutil, "PROCFS_PATH", "/absent")
    monkeypatch.setattr(os, "kill", refuse)
    assert processes.is_alive(name) is None


@pytest.mark.parametrize("n_reads", range(6))
def test_setting_the_clock_changes_no_name(monkeypatch: pytest.MonkeyPatch, n_reads: int) -> None:
    """The clock is set by an hour after the boot time was read `n_reads` times."""
    own, platform, reads = processes.identity(), cast(Any, psutil)._psplatform, []
    boot_s = psutil.boot_time()

    def boot_time() -> float:
        reads.append(None)
        return boot_s + 3600 * (len(reads) > n_reads)

    monkeypatch.setattr(platform, "boot_time", boot_time)
    processes._identity.cache_clear()
    assert processes.identity() == own
    assert processes.is_alive(own) is True
    assert len(reads) > n_reads or n_reads == 5


def test_a_process_of_its_own_passes_on_what_went_wrong(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="file: is not a directory"):
        processes.in_child(check_writable, tmp_path / "file")
    with pytest.raises(OSError, match="No such file"):
        processes.in_child(os.stat, tmp_path / "absent")
    assert capfd.readouterr().err == ""  # no traceback
