"""Which files are videos and sound, and what is said of the others."""

import pytest

from utils.sources.media_filter import MediaFilter
from utils.sources.ref import MediaKind

FRAMES: tuple[MediaKind, ...] = ("frames",)
AUDIO: tuple[MediaKind, ...] = ("audio",)
BOTH = FRAMES + AUDIO
NAMES = ["a.mp4", "b.MTS", "c.m2ts", "d.3gp", "e.vob", "f.ogv", "g.m4a", "h.OPUS", "i.flac", "j.txt", "k", "._l.mp4"]


@pytest.mark.parametrize(("wants", "found"), [(FRAMES, "abcdef"), (AUDIO, "abcdefghi"), (BOTH, "abcdefghi")])
def test_suffixes_by_what_is_wanted(wants: tuple, found: str) -> None:
    media_filter = MediaFilter([], wants)
    assert "".join(name[0] for name in media_filter.chosen(NAMES)) == found
    assert {media_filter.media_kind(name) for name in "ghi"} == {"all"}  # without a suffix
    assert media_filter.media_kind("x/i.flac") == media_filter.media_kind("G.M4A") == "audio"
    assert media_filter.media_kind("a.mp4") == "all"


def test_what_the_user_gives_is_taken_word_for_word() -> None:
    media_filter = MediaFilter(["*.FLAC", "x*"], FRAMES)
    assert media_filter.chosen(["a.flac", "x.txt", "b.mp4", "._x.flac", ".DS_Store"]) == ["a.flac", "x.txt"]
    assert media_filter.media_kind("a.flac") == "all"
    assert MediaFilter(["*"], FRAMES).chosen([".DS_Store", "._a", ".hidden"]) == [".hidden"]


def test_the_sound_of_a_video_is_no_second_one() -> None:
    paths = ["x/a.mp4", "x/a.wav", "y/a.flac", "x/b.wav"]
    media_filter = MediaFilter([], AUDIO)
    assert media_filter.chosen(paths) == ["x/a.mp4", "y/a.flac", "x/b.wav"]
    assert str(media_filter.left_out) == "1 sound files beside videos of the same name"
    assert MediaFilter(["*.mp4", "*.wav"], AUDIO).chosen(paths) == ["x/a.mp4", "x/a.wav", "x/b.wav"]


def test_what_is_left_out_is_counted() -> None:
    media_filter = MediaFilter([], FRAMES)
    assert not media_filter.left_out and str(media_filter.left_out) == "no files"
    media_filter.chosen(f"{i}.{'abcdefghij'[i % 10]}xt" for i in range(25))
    assert str(media_filter.left_out) == "3 .axt, 3 .bxt, 3 .cxt, 3 .dxt, 3 .ext, 2 .fxt, 8 others"
    media_filter.chosen(f"x.n{i}" for i in range(5000))
    assert str(media_filter.left_out).endswith(", 5008 others")
