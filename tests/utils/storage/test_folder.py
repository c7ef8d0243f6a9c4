"""Output folders, on disk and at addresses: complete files, files created once, lines of many writers."""

import errno
import multiprocessing
import os
import time
import uuid
from pathlib import Path

import pytest

from utils.errors import RunError
from utils.storage.folder import folder_at


@pytest.fixture(params=["disk", "memory"])
def folder(request, tmp_path):
    folder = folder_at(str(tmp_path / "out") if request.param == "disk" else f"memory://{uuid.uuid4().hex}/out")
    folder.prepare()
    return folder


def test_a_file_appears_complete_or_not_at_all(folder):
    with folder.whole("a/b.bin") as file:
        file.write(b"old")
    with pytest.raises(KeyboardInterrupt), folder.whole("a/b.bin") as file:
        file.write(b"half of the ne")
        raise KeyboardInterrupt
    with folder.open("a/b.bin") as file:
        assert file.read() == b"old"
    assert folder.size("a/b.bin") == 3
    assert list(folder.names("a/")) == ["a/b.bin"]
    assert list(folder.names(".featmill/tmp/")) == []


def test_a_file_is_created_once(folder):
    assert folder.create("claims/x", b"mine")
    assert not folder.create("claims/x", b"theirs")
    with folder.open("claims/x") as file:
        assert file.read() == b"mine"
    folder.remove("claims/x")
    folder.remove("claims/x")
    assert folder.size("claims/x") is None
    assert folder.create("claims/x", b"theirs")


def test_a_claim_appears_with_its_content_or_not_at_all(tmp_path, monkeypatch):
    folder = folder_at(str(tmp_path))
    error = errno.EIO

    def fail(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(RunError, match="x: cannot be written"):
        folder.create("claims/x", b"mine")
    assert folder.size("claims/x") is None
    error = errno.EPERM  # the file system has no hard links
    assert folder.create("claims/x", b"mine")
    assert not folder.create("claims/x", b"theirs")
    assert list(folder.names(".featmill/tmp/")) == []


def test_errors_of_reading_name_the_file(tmp_path):
    folder = folder_at(str(tmp_path))
    (tmp_path / "lines").write_bytes(b"line\n")
    (tmp_path / "sub").mkdir()
    with pytest.raises(RunError, match="sub: cannot be read"):
        folder.open("sub")

    stream = folder.open("lines")
    os.close(stream.fileno())
    with pytest.raises(OSError, match="lines"):
        stream.read()
    with pytest.raises(OSError, match="Bad file descriptor"):
        stream.close()


def test_a_full_disk_without_hard_links_leaves_no_empty_file(tmp_path, monkeypatch):
    def no_links(*_arguments):
        raise OSError(errno.EPERM, "Operation not permitted")

    def no_room(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = folder_at(str(tmp_path))
    monkeypatch.setattr(os, "link", no_links)
    assert folder.create("claims/x", b"mine") and not folder.create("claims/x", b"theirs")
    monkeypatch.setattr(Path, "read_bytes", no_room)
    with pytest.raises(RunError):
        folder.create("claims/y", b"mine")
    assert list(folder.names("claims/")) == ["claims/x"]


def test_absent_files(folder):
    assert folder.size("absent") is None
    assert list(folder.names("absent/")) == []
    with pytest.raises(FileNotFoundError):
        folder.open("absent")
    lines, position = folder.tail("absent", None)
    assert list(lines) == []
    lines, _ = folder.tail("absent", position)
    assert list(lines) == []


def test_lines_come_back_once_in_order(folder):
    for i in range(3):
        folder.append("lines", b"%d\n" % i)
    lines, position = folder.tail("lines", None)
    assert [line for _, line in lines] == [b"0\n", b"1\n", b"2\n"]
    folder.append("lines", b"3\n")
    lines, _ = folder.tail("lines", position)
    assert [line for _, line in lines] == [b"3\n"]


def test_names_are_those_of_one_folder_with_the_prefix(folder):
    for name in ("run-2", "run-1", "other", "sub/run-3"):
        assert folder.create(name, b"")
    assert list(folder.names("run-")) == ["run-1", "run-2"]
    assert list(folder.below("sub").names()) == ["run-3"]


def test_a_line_that_was_cut_short_stays_alone(tmp_path):
    folder = folder_at(str(tmp_path))
    (tmp_path / "lines").write_bytes(b"whole\nhal")
    lines, position = folder.tail("lines", None)
    assert [line for _, line in lines] == [b"whole\n"]
    folder.append("lines", b"next\n")
    lines, _ = folder.tail("lines", position)
    assert [line for _, line in lines] == [b"hal\n", b"next\n"]


def write_and_hang(path, ready):
    with folder_at(path).whole("a.bin") as file:
        file.write(b"x")
        file.flush()
        ready.set()
        time.sleep(60)


def test_files_of_a_killed_process_are_removed_and_those_of_a_running_one_are_not(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=write_and_hang, args=(str(tmp_path), ready))
    process.start()
    assert ready.wait(30)
    folder = folder_at(str(tmp_path))
    folder.tidy()
    assert len(list(folder.names(".featmill/tmp/"))) == 1
    process.kill()
    process.join()
    folder.tidy()
    assert list(tmp_path.iterdir()) == []


def test_a_replaced_folder_is_noticed(tmp_path):
    path = tmp_path / "out"
    folder = folder_at(str(path))
    folder.prepare()
    path.rename(tmp_path / "unmounted")
    with pytest.raises(RunError, match=r"out: the output folder is gone; restore it"), folder.whole("a"):
        pass
    for use in (lambda: folder.append("lines", b"1\n"), lambda: folder.size("a"), lambda: folder.open("a")):
        with pytest.raises(RunError, match="the output folder is gone"):
            use()
    path.mkdir()
    with pytest.raises(RunError, match="replaced by another folder"), folder.whole("a"):
        pass
    assert list(path.iterdir()) == []


def test_a_full_disk_is_named(tmp_path):
    folder = folder_at(str(tmp_path))
    with (
        pytest.raises(RunError, match="the disk is full: make room"),
        folder.whole("a"),
        open("/dev/full", "wb", buffering=0) as full,  # noqa: PTH123
    ):
        full.write(b"x")
    assert not (tmp_path / "a").exists()
