import pytest

from utils.errors import UserError
from utils.run.done_list import DoneList
from utils.sources.ref import VideoRef


def test_videos_are_known_by_id_path_or_name(tmp_path):
    path = tmp_path / "new" / "done.txt"
    assert VideoRef("1", "clip", "/v/clip.mp4") not in DoneList(str(path))
    done = DoneList(str(path))
    done.add("/v/clip.mp4")
    done.add("two\nlines")
    assert path.read_bytes() == b"/v/clip.mp4\ntwo lines\n"
    again = DoneList(str(path))
    assert VideoRef("1", "clip", "/v/clip.mp4") in again
    assert VideoRef("two lines", "x", "y") in again
    assert VideoRef("2", "other", "/v/other.mp4") not in again


def test_a_list_that_cannot_be_read_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match="--check_progress"):
        DoneList(str(tmp_path))
