"""Output folders on this machine's disks: what happens where the disk or the file system fails."""

import itertools
import os
from pathlib import Path

import pytest

from utils.errors import RunError
from utils.storage.folder import folder_at


def test_a_folder_that_other_runs_remove_while_it_is_empty_is_made_again(tmp_path, monkeypatch):
    ours, theirs = folder_at(str(tmp_path)), folder_at(str(tmp_path))
    make, n_left = Path.mkdir, [3, 3]

    def made_and_removed(path, *arguments, **flags):
        make(path, *arguments, **flags)
        i = path.name == "claims"
        if n_left[i]:
            n_left[i] -= 1
            theirs.tidy()

    monkeypatch.setattr(Path, "mkdir", made_and_removed)
    with ours.whole(".featmill/claims/run") as file:
        file.write(b"1")
    assert ours.create(".featmill/claims/00/x", b"mine")
    assert sorted(ours.names(".featmill/claims/")) == [".featmill/claims/run"]
    assert ours.size(".featmill/claims/00/x") == 4 and n_left == [0, 0]


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


def test_a_line_that_was_cut_short_stays_alone(tmp_path):
    folder = folder_at(str(tmp_path))
    (tmp_path / "lines").write_bytes(b"whole\nhal")
    lines, position = folder.tail("lines", None)
    assert [line for _, line in lines] == [b"whole\n"]
    folder.append("lines", b"next\n")
    lines, _ = folder.tail("lines", position)
    assert [line for _, line in lines] == [b"hal\n", b"next\n"]


def test_a_file_that_is_cut_short_while_it_is_read_ends(tmp_path):
    folder = folder_at(str(tmp_path))
    folder.append("lines", b"a\nb\nc\n")
    lines, _ = folder.tail("lines", None)
    os.truncate(tmp_path / "lines", 2)
    assert list(itertools.islice(lines, 9)) == [(0, b"a\n")]


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
        open("/dev/full", "wb", buffering=0) as full,  # noqa: PTH123 - a device, unbuffered
    ):
        full.write(b"x")
    assert not (tmp_path / "a").exists()
