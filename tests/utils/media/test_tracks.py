"""Which stream is the picture and which the sound, where a file has several."""

from pathlib import Path

import pytest
from av.stream import Disposition
from support.tracks import Track, write_animation, write_tracks

from utils.errors import VideoError
from utils.media.container import open_media, require_audio, require_video
from utils.media.limits import DEFAULT_LIMITS, Limits
from utils.media.tracks import describe_tracks

COVER, DEFAULT = Disposition.attached_pic, Disposition.default
FOR_DEAF = Disposition.hearing_impaired


def taken(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int]:
    """Return the numbers of the streams that are taken as picture and as sound."""
    with open_media(path, limits) as media:
        return require_video(media).index, require_audio(media).index


def test_flags_decide_and_cover_art_is_no_video(tmp_path: Path) -> None:
    sound = Track("audio", 0.1)
    first = write_tracks(tmp_path / "a.mkv", [Track("video", 9), Track("video", 9), sound, sound])
    assert taken(first) == (0, 2)
    flagged = [Track("video", 9, flags=FOR_DEAF), Track("video", 9), Track("audio", 0.1, flags=FOR_DEAF), sound]
    assert taken(write_tracks(tmp_path / "b.mkv", flagged)) == (1, 3)


def test_an_animated_picture_is_more_than_its_first_frame(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "x.avif", 5)
    with open_media(path) as media:
        assert len(media.container.streams.video) == 2
        assert len(list(media.container.decode(require_video(media)))) == 5


@pytest.mark.parametrize(("track", "index"), [("0", 0), ("1", 1), ("ger", 2), ("de", 2), ("fr-CA", 1)])
def test_a_track_is_chosen_by_number_or_language(tmp_path: Path, track: str, index: int) -> None:
    tracks = [Track("video", 9), Track("audio", 0.1, "fre"), Track("audio", 0.1, "ger"), Track("audio", 0.1, "ger")]
    path = write_tracks(tmp_path / "x.mkv", tracks)
    with open_media(path, Limits(audio_track=track)) as media:
        assert require_audio(media).index == index + (track in "01")


def test_an_absent_track_is_refused_with_what_there_is(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "x.mkv", [Track("video", 9, "eng", DEFAULT), Track("audio", 0.1)])
    with open_media(path, Limits(video_track="1")) as media, pytest.raises(VideoError, match="no video track 1"):
        require_video(media)
    with open_media(path) as media:
        assert describe_tracks(media.container, "video") == "0: mpeg2video, eng, default"
        assert describe_tracks(media.container, "audio") == "0: flac"
