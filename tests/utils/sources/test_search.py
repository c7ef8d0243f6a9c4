"""Which files are videos and sound, and what is said of the others."""

import pytest

from utils.sources.ref import MediaKind
from utils.sources.search import Search

FRAMES: tuple[MediaKind, ...] = ("frames",)
AUDIO: tuple[MediaKind, ...] = ("audio",)
BOTH = FRAMES + AUDIO
NAMES = ["a.mp4", "b.MTS", "c.m2ts", "d.3gp", "e.vob", "f.ogv", "g.m4a", "h.OPUS", "i.flac", "j.txt", "k", "._l.mp4"]


@pytest.mark.parametrize(("wants", "found"), [(FRAMES, "abcdef"), (AUDIO, "abcdefghi"), (BOTH, "abcdefghi")])
def test_suffixes_by_what_is_wanted(wants: tuple, found: str) -> None:
    search = Search([], wants)
    assert "".join(name[0] for name in search.chosen(NAMES)) == found
    assert {search.media_kind(name) for name in "ghi"} == {"all"}  # without a suffix
    assert search.media_kind("x/i.flac") == search.media_kind("G.M4A") == "audio"
    assert search.media_kind("a.mp4") == "all"


def test_what_the_user_gives_is_taken_word_for_word() -> None:
    search = Search(["*.FLAC", "x*"], FRAMES)
    assert search.chosen(["a.flac", "x.txt", "b.mp4", "._x.flac", ".DS_Store"]) == ["a.flac", "x.txt"]
    assert search.media_kind("a.flac") == "all"
    assert Search(["*"], FRAMES).chosen([".DS_Store", "._a", ".hidden"]) == [".hidden"]


def test_the_sound_of_a_video_is_no_second_one() -> None:
    paths = ["x/a.mp4", "x/a.wav", "y/a.flac", "x/b.wav"]
    search = Search([], AUDIO)
    assert search.chosen(paths) == ["x/a.mp4", "y/a.flac", "x/b.wav"]
    assert str(search.left_out) == "1 sound files beside videos of the same name"
    assert Search(["*.mp4", "*.wav"], AUDIO).chosen(paths) == ["x/a.mp4", "x/a.wav", "x/b.wav"]


def test_what_is_left_out_is_counted() -> None:
    search = Search([], FRAMES)
    assert not search.left_out and str(search.left_out) == "no files"
    search.chosen(f"{i}.{'abcdefghij'[i % 10]}xt" for i in range(25))
    assert str(search.left_out) == "3 .axt, 3 .bxt, 3 .cxt, 3 .dxt, 3 .ext, 2 .fxt, 8 others"
    search.chosen(f"x.n{i}" for i in range(5000))
    assert str(search.left_out).endswith(", 5008 others")
