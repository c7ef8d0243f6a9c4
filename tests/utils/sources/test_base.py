"""A mention of a video in a list, and the video that it becomes."""

from pathlib import Path

import pytest

from utils.sources.base import Mention, existing_path, is_there, same_video, to_ref


def test_the_other_place_is_looked_at_where_the_first_is_empty(tmp_path: Path) -> None:
    (tmp_path / "there.mp4").touch()
    there, absent = str(tmp_path / "there.mp4"), str(tmp_path / "absent.mp4")
    assert existing_path(Mention("a", "a", absent, there)) == there
    assert existing_path(Mention("a", "a", there, absent)) == there
    assert existing_path(Mention("a", "a", absent)) == existing_path(Mention("a", "a", absent, absent)) == absent


def test_of_a_pattern_the_folder_must_be_there(tmp_path: Path) -> None:
    assert is_there(str(tmp_path / "%06d.jpg"))
    assert not is_there(str(tmp_path / "absent" / "%06d.jpg"))


def test_a_video_keeps_what_the_list_says() -> None:
    meta = {"label": "x", "empty": "", "nothing": None, "n": 3}
    ref = to_ref(Mention("i", "n", "/v/a.mp4", "", 1.0, 2.0, True, meta, ("failed", "why"), "audio"))
    assert (ref.id, ref.name, ref.path, ref.start_s, ref.end_s, ref.has_id) == ("i", "n", "/v/a.mp4", 1.0, 2.0, True)
    assert (ref.meta, ref.refused, ref.media_kind) == ({"label": "x", "n": 3}, ("failed", "why"), "audio")


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"path": "v/a.mp4"}, True),  # in the working directory
        ({"path": "s3://v/a.mp4"}, False),
        ({"path": "v/b.mp4"}, False),
        ({"start_s": 1.0}, False),
        ({"refused": ("failed", "why")}, False),
        ({"id": "other", "name": "other"}, True),
    ],
)
def test_mentions_of_one_segment_of_one_file(changes: dict, same: bool, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    one = Mention("a", "a", str(tmp_path / "v/a.mp4"))
    assert same_video(one, one._replace(**changes)) is same
