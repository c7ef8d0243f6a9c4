"""Videos in a folder and its subfolders."""

import contextlib
import errno
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import fsspec
import pytest

from utils.errors import UserError
from utils.sources.folder import FolderSource
from utils.sources.media_filter import MediaFilter

FILES = ("b/2.mp4", "b/1.mp4", "b.mp4", "a/x/3.mkv", "a/notes.txt", "frames/1.jpg", "frames/2.jpg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(source: FolderSource) -> list[str]:
    return [mention.name for mention in source.mentions()]


def test_videos_and_folders_of_frames_part_by_part(folder: Path) -> None:
    source = FolderSource(str(folder), MediaFilter([], ["frames"]))
    assert names(source) == ["a/x/3", "b/1", "b/2", "b", "frames"]
    (folder / "b.mp4").unlink()
    assert len(names(source)) == 5  # every pass sees the same ones
    last = list(source.mentions())[-1]
    assert (last.path, last.media_kind) == (str(folder / "frames"), "frames")
    assert source.roots == (folder,)
    assert sorted(source.read_well) == sorted(f"{folder}/{name}/" for name in ("", "a", "a/x", "b", "frames"))


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "link.mp4").symlink_to(folder / "b.mp4")
    assert names(FolderSource(str(folder), MediaFilter(["*.mp4"], ["frames"]))) == ["b/1", "b/2", "b", "link"]


def test_a_link_that_leads_nowhere_costs_no_other_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    (folder / "gone.mp4").symlink_to(folder / "absent.mp4")
    assert names(FolderSource(str(folder), MediaFilter(["*.mp4"], ["frames"]))) == ["b/1", "b/2", "b"]
    item = SimpleNamespace(name="closed.mp4", is_dir=lambda follow_symlinks: False, is_file=failing(errno.EACCES))
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: contextlib.nullcontext([item, *scan(path)]))
    found = FolderSource(str(folder), MediaFilter(["*.mp4"], ["frames"]))
    assert names(found)[:3] == ["a/closed", "a/x/closed", "b/1"]  # which fail alone, once they are opened


def failing(number: int) -> Callable[[], bool]:
    def fail() -> bool:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_folder_that_cannot_be_searched_is_a_refused_video(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def closed(path: Path):
        if path == folder / "a":
            raise PermissionError
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    source = FolderSource(str(folder), MediaFilter([], ["frames"]))
    *_, last = source.mentions()
    assert last.refused is not None and last.refused[1].startswith(f"{folder}/a: this folder cannot be searched")
    assert last.id not in list(source.read_well)
    assert names(source)[:-1] == ["b/1", "b/2", "b", "frames"]


def test_a_folder_at_an_address() -> None:
    root = f"memory://{uuid.uuid4().hex}"
    for name in FILES:
        with cast(Any, fsspec.open(f"{root}/{name}", "wb")) as file:
            file.write(b"x")
    source = FolderSource(root, MediaFilter([], ["frames"]))
    assert [mention.path for mention in source.mentions()] == [
        f"{root}/{name}" for name in ("a/x/3.mkv", "b/1.mp4", "b/2.mp4", "b.mp4")
    ]
    assert source.roots == ()


@pytest.mark.parametrize("place", ["/absent/folder", "memory://absent-folder"])
def test_an_absent_folder_is_refused(place: str) -> None:
    with pytest.raises(UserError, match=f"--input_dir {place}: no such folder"):
        FolderSource(place, MediaFilter([], ["frames"]))
