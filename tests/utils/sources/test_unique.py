import pytest

from utils.errors import UserError
from utils.sources.base import Mention
from utils.sources.unique import Seen, find_repeats


def mention(name: str, path: str, id_: str | None = None) -> Mention:
    return Mention(id_ or path, name, path)


def test_a_video_that_is_listed_twice_counts_once():
    listed = [mention("a", "/v/a.mp4"), mention("b", "/v/b.mp4"), mention("a", "/v/a.mp4")]
    found = find_repeats(lambda: listed)
    assert found.is_first.tolist() == [True, True, False] and found.n_videos == 2
    assert find_repeats(list).n_videos == 0


def test_two_videos_with_one_output_name_are_refused():
    with pytest.raises(UserError, match="would both write outputs called 'a'"):
        find_repeats(lambda: [mention("a", "/v/a.mp4"), mention("a", "/w/a.mp4")])
    with pytest.raises(UserError, match="both have the id '1'"):
        find_repeats(lambda: [mention("a", "/v/a.mp4", "1"), mention("b", "/v/b.mp4", "1")])
    with pytest.raises(UserError, match="a clip of the shard 000"):
        find_repeats(lambda: [mention("000/a", "/v/000/a.mp4")], reserved={"000"})


def test_names_that_the_output_folder_takes_for_one_are_refused():
    listed = [mention("Clip", "/v/Clip.mp4"), mention("clip", "/w/clip.mp4")]
    assert find_repeats(lambda: listed).n_videos == 2
    with pytest.raises(UserError, match=r"called 'Clip' or 'clip', which the file system of the .*: give --video_root"):
        find_repeats(lambda: listed, same=str.casefold)
    with pytest.raises(UserError, match="a clip of the shard S"):
        find_repeats(lambda: [mention("S/a", "/v/S/a.mp4")], reserved={"s"}, same=str.casefold)
    assert find_repeats(lambda: [listed[0], mention("clop", "/w/clop.mp4")], same=str.casefold).n_videos == 2


def test_texts_that_were_seen():
    seen = Seen()
    assert [seen.add(text) for text in ("a", "b", "a")] == [True, True, False]
