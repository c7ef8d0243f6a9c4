"""Names that mean the same video."""

import pytest

from utils.run.video_names import KEYS, key_at_end, match_names


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("clip_rgb", "rgb"),
        ("clip-FLOW", "FLOW"),
        ("clip.features", "features"),
        ("rgbclip", None),
        ("clip_rgb_2", None),
    ],
)
def test_a_word_at_the_end(name, key):
    found = key_at_end(KEYS).search(name)
    assert (found and found[1]) == key


def test_whole_names_count_before_parts_of_them():
    found = match_names(["x/a", "y/b", "v_C_i3d", "d"], ["x/a", "b", "c.mp4", "e"], {"i3d"})
    assert found.pairs == [("v_C_i3d", "c.mp4"), ("x/a", "x/a"), ("y/b", "b")]
    assert list(found.ways.values()) == [1, 1, 1]
    assert (found.only_a, found.only_b) == (["d"], ["e"])


def test_names_that_several_share_are_left_out():
    found = match_names(["x/a", "y/a"], ["a", "b"], set())
    assert (found.pairs, found.only_a) == ([], ["x/a", "y/a"])


def test_one_video_in_each_is_the_same():
    assert match_names(["a"], ["b"], set()).pairs == [("a", "b")]


def test_crops_and_several_words_at_the_end_name_no_video():
    found = match_names(["Clip_rgb_features__3", "other"], ["clip", "more"], set())
    assert found.pairs == [("Clip_rgb_features__3", "clip")]
