"""Videos from the command line, list files and folders: names, ids, order, and what is refused."""

import os
from pathlib import Path

import pytest
from support.sources import refusal

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.inputs import collect


def refs(**settings):
    return list(collect(RunConfig(**settings)).refs())


def names(**settings):
    return [ref.name for ref in refs(**settings)]


def test_a_list_leaves_out_blank_lines_and_comments(tmp_path):
    (tmp_path / "beside.mp4").touch()
    listing = tmp_path / "list.txt"
    listing.write_text("# videos\n\n  beside.mp4  \nname with spaces & 'ü 视频.mp4\r\n-dash.mp4\nbeside.mp4\n")
    inputs = collect(RunConfig(file_with_video_paths=str(listing)))
    for _ in range(2):  # each pass starts over
        assert [ref.name for ref in inputs.refs()] == ["beside", "name with spaces & 'ü 视频", "-dash"]
    listed = list(inputs.listed())
    assert [ref.name for ref in listed] == ["beside", "name with spaces & 'ü 视频", "-dash", "beside"]
    assert listed[0] == listed[3]
    assert (listed[0].id, listed[0].path) == ("beside.mp4", str(tmp_path / "beside.mp4"))
    assert inputs.total == 3


def test_the_current_folder_comes_before_the_lists_folder(tmp_path, monkeypatch):
    (tmp_path / "lists").mkdir()
    for folder in (tmp_path, tmp_path / "lists"):
        (folder / "a.mp4").touch()
    (tmp_path / "lists" / "list.txt").write_text("a.mp4\n")
    monkeypatch.chdir(tmp_path)
    assert refs(file_with_video_paths="lists/list.txt")[0].path == "a.mp4"


def test_equal_output_names_are_refused_with_the_remedy():
    with pytest.raises(UserError, match=r"x/1\.mp4 and y/1\.mp4 .* --video_root"):
        refs(video_paths=["x/1.mp4", "y/1.mp4"])


def test_a_path_given_twice_is_one_video():
    inputs = collect(RunConfig(video_paths=["a.mp4", "b.mp4", "a.mp4", "./a.mp4"]))
    assert [ref.id for ref in inputs.refs()] == ["a.mp4", "b.mp4"]
    assert [ref.id for ref in inputs.listed()] == ["a.mp4", "b.mp4", "a.mp4", "a.mp4"]


def test_equal_names_in_the_list_and_its_folder_are_compared_as_files(tmp_path, monkeypatch):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "list.txt").write_text("a.mp4\n")
    (tmp_path / "lists" / "a.mp4").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"a\.mp4 and a\.mp4 would both write|both write outputs called 'a'"):
        refs(video_paths=["a.mp4"], file_with_video_paths="lists/list.txt")
    (tmp_path / "a.mp4").touch()
    assert len(refs(video_paths=["a.mp4"], file_with_video_paths="lists/list.txt")) == 1


def test_a_folder_is_searched_with_its_subfolders(tmp_path):
    for name in ("b/2.MP4", "a/1.mkv", "a/notes.txt", "3.wav", "[odd] name.mp4", "a.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "9.mp4").symlink_to(tmp_path / "a" / "1.mkv")
    (tmp_path / "b" / "broken.mp4").symlink_to(tmp_path / "absent.mp4")
    assert names(input_dir=str(tmp_path), glob=["*.mp4"]) == ["[odd] name", "b/2", "b/9"]
    assert names(input_dir=str(tmp_path), glob=["*.mkv", "*.txt"]) == ["a/1", "a/notes", "a"]
    assert names(input_dir=f"file://{tmp_path}", glob=["*.wav"]) == ["3"]
    with pytest.raises(UserError, match=r"has no file that matches \*\.avi; it has 3 \.mp4, 2 \.mkv, 1 \.wav, 1 \.txt"):
        refs(input_dir=str(tmp_path), glob=["*.avi"])
    with pytest.raises(UserError, match="no such folder"):
        refs(input_dir=str(tmp_path / "absent"))
    assert collect(RunConfig(input_dir=str(tmp_path))).roots == (tmp_path,)


def test_a_folder_is_searched_once(tmp_path):
    (tmp_path / "1.mp4").touch()
    inputs = collect(RunConfig(input_dir=str(tmp_path)))
    (tmp_path / "2.mp4").touch()
    assert [ref.name for ref in inputs.refs()] == ["1"]


def test_a_folder_without_permission_is_refused_and_the_others_are_searched(tmp_path, monkeypatch):
    for name in ("open/1.mp4", "closed/2.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    scandir = os.scandir

    def closed(path):
        if Path(path).name == "closed":  # root, who runs tests, may read everything
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    inputs = collect(RunConfig(input_dir=str(tmp_path)))
    good, refused = inputs.refs()
    assert good.name == "open/1"
    assert refusal(refused)[0] == "failed"
    assert "closed: this folder cannot be searched" in refusal(refused)[1]
    assert refused.id == f"{tmp_path}/closed/"
    assert list(inputs.read_well()) == [f"{tmp_path}//", f"{tmp_path}/open/"]
    monkeypatch.undo()
    assert f"{tmp_path}/closed/" in collect(RunConfig(input_dir=str(tmp_path))).read_well()


def test_lines_of_a_list_that_are_not_refused_are_known(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("path,end_s\na.mp4,1\nb.mp4,soon\n\nc.mp4,\n")
    inputs = collect(RunConfig(file_with_video_paths=str(path)))
    assert next(ref.id for ref in inputs.refs() if ref.refused) == f"{path}, line 3"
    assert list(inputs.read_well()) == [f"{path}, line {number}" for number in (1, 2, 4, 5)]


def test_video_root_keeps_the_folders(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.mp4").touch()
    found = refs(video_paths=["x/1.mp4", str(tmp_path / "y" / "1.mp4")], video_root=str(tmp_path))
    assert [ref.name for ref in found] == ["x/1", "y/1"]
    assert [ref.path for ref in found] == [str(tmp_path / "x/1.mp4"), str(tmp_path / "y/1.mp4")]
    with pytest.raises(UserError, match="not below --video_root"):
        refs(video_paths=[str(tmp_path / "x" / "1.mp4")], video_root=str(tmp_path / "y"))
    with pytest.raises(UserError, match="leaves --video_root"):
        refs(video_paths=["../outside.mp4"], video_root=str(tmp_path))


def test_video_root_and_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "data" / "x").mkdir(parents=True)
    (tmp_path / "data" / "x" / "1.mp4").touch()
    monkeypatch.chdir(tmp_path)
    assert names(video_paths=["data/x/1.mp4", "x/2.mp4"], video_root="data") == ["x/1", "x/2"]
    monkeypatch.chdir(tmp_path / "data" / "x")
    assert names(video_paths=["1.mp4", "y/2.mp4"], video_root=str(tmp_path / "data")) == ["x/1", "y/2"]


def test_addresses_in_a_list_and_as_the_root(tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_text(
        f"s3://bucket/a/1.mp4\nhttps://user:secret@host/2.mp4?sig=abc&n=1\nfile://{tmp_path}/a%20b.mp4\n"
    )
    one, two, three = refs(file_with_video_paths=str(listing))
    assert (one.name, one.id, one.path) == ("1", "s3://bucket/a/1.mp4", "s3://bucket/a/1.mp4")
    assert (two.name, two.id) == ("2", "https://host/2.mp4?sig=…&n=1")
    assert two.path == "https://user:secret@host/2.mp4?sig=abc&n=1"
    assert "secret" not in two.label + repr(two.media)
    assert (three.name, three.path) == ("a b", f"{tmp_path}/a b.mp4")
    listing.write_text("a/1.mp4\ns3://bucket/videos/b/1.mp4\n")
    one, two = refs(file_with_video_paths=str(listing), video_root="s3://bucket/videos/")
    assert (one.name, one.path) == ("a/1", "s3://bucket/videos/a/1.mp4")
    assert (two.name, two.path) == ("b/1", "s3://bucket/videos/b/1.mp4")
    for outside in ("s3://bucket/other.mp4", "/local.mp4", "../x.mp4"):
        listing.write_text(outside)
        with pytest.raises(UserError, match="--video_root"):
            refs(file_with_video_paths=str(listing), video_root="s3://bucket/videos")


def test_impossible_file_names_are_refused_alone(tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_bytes(
        b"good.mp4\nfile://elsewhere/a.mp4\nhttp://[bad/a.mp4\nlatin-\xe9.mp4\n" + b"x" * (1 << 21) + b"\nlast.mp4"
    )
    found = refs(file_with_video_paths=str(listing))
    assert [ref.refused and ref.refused[1].split("line ")[1][0] for ref in found] == [None, "2", "3", None, "5", None]
    assert os.fsencode(found[3].path) == b"latin-\xe9.mp4"
    assert found[3].id == "latin-\\udce9.mp4"
    found[3].name.encode()


def test_nothing_to_do_is_an_error(tmp_path):
    (tmp_path / "empty.txt").write_text("# none\n")
    (tmp_path / "utf16.txt").write_text("a.mp4\n", encoding="utf-16")
    with pytest.raises(UserError, match="no videos given"):
        refs()
    with pytest.raises(UserError, match="has no path in it"):
        refs(file_with_video_paths=str(tmp_path / "empty.txt"))
    with pytest.raises(UserError, match="no such file"):
        refs(file_with_video_paths=str(tmp_path / "absent.txt"))
    with pytest.raises(UserError, match="not readable"):
        refs(file_with_video_paths=str(tmp_path))
    with pytest.raises(UserError, match=r"as text\. Save a list as UTF-8; a video itself is given by --video_paths"):
        refs(file_with_video_paths=str(tmp_path / "utf16.txt"))
