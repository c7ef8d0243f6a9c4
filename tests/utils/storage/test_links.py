"""Claims are names of one file where the file system has hard links, and copies of it elsewhere: whole or not there."""

import errno
import os
from pathlib import Path

import pytest

from utils.errors import RunError
from utils.storage.folder import folder_at


def failing(number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("cause", [errno.EPERM, errno.EXDEV])
def test_a_name_appears_with_its_content_or_not_at_all(tmp_path, monkeypatch, cause):
    folder = folder_at(str(tmp_path))
    monkeypatch.setattr(os, "link", failing(errno.EIO))
    with pytest.raises(RunError, match="x: cannot be written"):
        folder.create("claims/x", b"mine")
    assert folder.size("claims/x") is None
    monkeypatch.setattr(os, "link", failing(cause))  # the file system has no hard links, or none between folders
    assert folder.create("claims/x", b"mine") and not folder.create("claims/x", b"theirs")
    folder.tidy()
    assert list(folder.names(".featmill/tmp/")) == []


def test_many_names_take_one_file_even_after_it_was_removed(tmp_path):
    folder = folder_at(str(tmp_path))
    assert all(folder.create(f"claims/{i}", b"mine") for i in range(3))
    (original,) = folder.names(".featmill/tmp/")
    assert (tmp_path / original).stat().st_nlink == 4
    folder.remove(original)  # as another machine does after a day
    assert folder.create("claims/3", b"mine") and folder.create("claims/4", b"other")
    with folder.open("claims/3") as third, folder.open("claims/4") as fourth:
        assert (third.read(), fourth.read()) == (b"mine", b"other")


def test_a_full_disk_without_hard_links_leaves_no_empty_file(tmp_path, monkeypatch):
    folder, opened = folder_at(str(tmp_path)), Path.open
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    assert folder.create("claims/x", b"mine")

    def open_on_a_full_disk(path, mode):
        path.touch()
        return opened(Path("/dev/full"), "wb") if mode == "xb" else opened(path, mode)

    monkeypatch.setattr(Path, "open", open_on_a_full_disk)
    with pytest.raises(RunError, match="the disk is full"):
        folder.create("claims/y", b"mine")
    monkeypatch.undo()
    assert list(folder.names("claims/")) == ["claims/x"]
