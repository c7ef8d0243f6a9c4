"""Files that appear complete or not at all."""

import os
from types import SimpleNamespace

import pytest

from utils.errors import RunError
from utils.storage.files import check_writable, whole_file


def test_an_interrupted_write_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "x.npy") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_stops_the_run(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"), whole_file(tmp_path / "file" / "x.npy") as file:
        file.write(b"")


@pytest.mark.parametrize(("flags", "cause"), [(os.ST_RDONLY, "its file system is read-only"), (0, "permission denied")])
def test_a_folder_that_takes_no_files_says_why(tmp_path, monkeypatch, flags, cause):
    """Refused by a stand-in for the operating system: root may write everywhere, and may not mount everywhere."""
    check_writable(tmp_path / "new")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=flags))
    with pytest.raises(RunError, match=rf"new: cannot be written \({tmp_path}: {cause}\); choose another"):
        check_writable(tmp_path / "new")
