"""Lists that are read several times: files, pipes, addresses."""

import io
import os
import uuid
from pathlib import Path
from typing import Any, cast

import fsspec
import pytest

from utils.config.run import RunConfig
from utils.errors import RunError, UserError
from utils.sources.inputs import collect
from utils.sources.rereadable import Rereadable

CONTENT = b"".join(b"line %d\n" % i for i in range(1000))


def test_readers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(CONTENT)
    source = Rereadable(str(tmp_path / "list.txt"), "--video_list")
    one, other = source.open(), source.open()
    assert one.readline() == b"line 0\n"
    assert other.read() == CONTENT
    assert one.readline() == b"line 1\n" and one.tell() == 14
    assert (other.seek(-4, io.SEEK_END), other.read()) == (len(CONTENT) - 4, b"999\n")
    (tmp_path / "list.txt").unlink()  # it stays open
    assert source.open().read() == CONTENT


def test_an_address_is_copied_once() -> None:
    url = f"memory://{uuid.uuid4().hex}/list.txt"
    with cast(Any, fsspec.open(url, "wb")) as file:
        file.write(CONTENT)
    source = Rereadable(url, "--video_list")
    with cast(Any, fsspec.open(url, "wb")) as file:
        file.write(b"another one")
    assert source.open().read() == CONTENT


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--video_list .*absent: no such file"):
        Rereadable(str(tmp_path / "absent"), "--video_list")
    with pytest.raises(UserError, match=r"--video_list .*: not readable \("):
        Rereadable(str(tmp_path), "--video_list")


def test_a_list_that_changes_during_the_run_is_noticed(tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_text("a.mp4\nb.mp4\n")
    inputs = collect(RunConfig(file_with_video_paths=str(listing)))
    with listing.open("a") as file:
        file.write("c.mp4\n")
    with pytest.raises(RunError, match="changed during the run"):
        list(inputs.refs())


def test_a_list_may_be_a_pipe(tmp_path):
    read, write = os.pipe()
    os.write(write, b"a.mp4\nb.mp4\n")
    os.close(write)
    inputs = collect(RunConfig(file_with_video_paths=f"/dev/fd/{read}"))
    assert [ref.name for ref in inputs.refs()] == [ref.name for ref in inputs.listed()] == ["a", "b"]
    os.close(read)
