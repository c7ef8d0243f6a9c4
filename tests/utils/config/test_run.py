import pytest

from utils.config.run import RunConfig
from utils.errors import UserError


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"video_track": "1000"}, "--video_track is 1000; it must be a number from 0, or a language"),
        ({"audio_track": "-1"}, "--audio_track is -1;"),
        ({"audio_track": "english language"}, "--audio_track is english language;"),
        ({"device": "cpu", "device_ids": [0]}, "--device cpu and --device_ids exclude each other"),
        ({"shard": "3/3"}, "--shard is 3/3"),
        ({"limit": -2}, "--limit is -2"),
    ],
)
def test_what_cannot_be_meant_is_refused(flags: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        RunConfig(**flags)


@pytest.mark.parametrize("track", ["0", "12", "eng", "en", "en-US", "zh_Hant"])
def test_tracks_by_number_and_by_language(track: str) -> None:
    assert RunConfig(video_track=track, audio_track=track).audio_track == track


def test_all_videos_may_be_asked_for() -> None:
    assert (RunConfig(limit=-1).most_videos, RunConfig(limit=3).most_videos, RunConfig().most_videos) == (None, 3, None)
