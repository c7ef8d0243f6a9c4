"""Output folders, on disk and at addresses: complete files, files created once, lines of many writers."""

import multiprocessing
import time
import uuid

import pytest

from utils.errors import RunError
from utils.storage.folder import folder_at, subfolders


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


def test_folders_below_are_named_and_an_address_without_access_is_an_error(folder, tmp_path, monkeypatch):
    for name in ("b/x", "a/x", ".hidden/x", "file"):
        assert folder.create(name, b"")
    address = str(tmp_path / "out") if folder.local else str(folder)
    assert subfolders(address) == ["a", "b"] and subfolders(f"{address}/absent") == []
    if folder.local is None:

        def refuse(*_, **__):
            raise LookupError("Unable to locate credentials")

        monkeypatch.setattr(type(folder._filesystem), "ls", refuse)
        with pytest.raises(RunError, match=r"cannot be accessed \(.*credentials.*\); check the address"):
            subfolders(address)


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
