"""Videos from the command line and from list files."""

import pytest

from utils import sources
from utils.config import RunConfig
from utils.errors import UserError


def collect(video_paths, list_path, video_root):
    return sources.collect(RunConfig(video_paths=video_paths, file_with_video_paths=list_path, video_root=video_root))


def test_a_list_leaves_out_blank_lines_and_comments(tmp_path):
    (tmp_path / "beside.mp4").touch()
    listing = tmp_path / "list.txt"
    listing.write_text("# videos\n\n  beside.mp4  \nname with spaces & 'ü 视频.mp4\r\n-dash.mp4\nbeside.mp4\n")
    refs = collect([], str(listing), None)
    assert [ref.name for ref in refs] == ["beside", "name with spaces & 'ü 视频", "-dash", "beside"]
    assert refs[0] is refs[3]
    assert refs[0].path == str(tmp_path / "beside.mp4")


def test_the_current_folder_comes_before_the_lists_folder(tmp_path, monkeypatch):
    (tmp_path / "lists").mkdir()
    for folder in (tmp_path, tmp_path / "lists"):
        (folder / "a.mp4").touch()
    (tmp_path / "lists" / "list.txt").write_text("a.mp4\n")
    monkeypatch.chdir(tmp_path)
    assert collect([], "lists/list.txt", None)[0].path == "a.mp4"


def test_equal_output_names_are_refused_with_the_remedy():
    with pytest.raises(UserError, match=r"x/1\.mp4 and y/1\.mp4 .* --video_root"):
        collect(["x/1.mp4", "y/1.mp4"], None, None)


def test_a_path_named_twice_is_one_video():
    assert len(set(collect(["a.mp4", "a.mp4", "./a.mp4"], None, None))) == 1


def test_a_folder_is_searched_with_the_folders_below_it(tmp_path):
    for name in ("b/2.MP4", "a/1.mkv", "a/notes.txt", "3.wav", "[odd] name.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    refs = sources.collect(RunConfig(input_dir=str(tmp_path)))
    assert [ref.name for ref in refs] == ["[odd] name", "a/1", "b/2"]
    assert [ref.name for ref in sources.collect(RunConfig(input_dir=str(tmp_path), glob=["*.wav"]))] == ["3"]
    with pytest.raises(UserError, match=r"holds no file that matches \*\.avi"):
        sources.collect(RunConfig(input_dir=str(tmp_path), glob=["*.avi"]))
    with pytest.raises(UserError, match="no such folder"):
        sources.collect(RunConfig(input_dir=str(tmp_path / "absent")))


def test_video_root_keeps_the_folders(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.mp4").touch()
    refs = collect(["x/1.mp4", str(tmp_path / "y" / "1.mp4")], None, str(tmp_path))
    assert [ref.name for ref in refs] == ["x/1", "y/1"]
    with pytest.raises(UserError, match="not below --video_root"):
        collect([str(tmp_path / "x" / "1.mp4")], None, str(tmp_path / "y"))
    with pytest.raises(UserError, match=r"leads out"):
        collect(["../outside.mp4"], None, str(tmp_path))


def test_nothing_to_do_is_an_error(tmp_path):
    (tmp_path / "empty.txt").write_text("# none\n")
    with pytest.raises(UserError, match="no videos given"):
        collect([], None, None)
    with pytest.raises(UserError, match="holds no path"):
        collect([], str(tmp_path / "empty.txt"), None)
    with pytest.raises(UserError, match="no such file"):
        collect([], str(tmp_path / "absent.txt"), None)
