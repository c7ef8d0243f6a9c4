"""One input: which feature types it is for, and what file it is."""

import numpy as np

from utils.media.input import BytesFile, FileRange, FrameArray, UrlFile
from utils.sources.ref import VideoRef


def test_each_feature_type_takes_what_is_for_it() -> None:
    plain = VideoRef("a", "a", "/a.mp4")
    frames, audio = (VideoRef("a", "a", "/a.mp4", media_kind=kind) for kind in ("frames", "audio"))
    assert (plain.part(True), plain.part(False)) == (plain, plain)
    assert (frames.part(True), frames.part(False)) == (None, frames)
    assert (audio.part(True), audio.part(False)) == (audio, None)
    both = VideoRef("a", "a", "/a.mp4", audio=audio)
    assert both.part(True) is audio and both.part(False) is both


def test_the_file_to_open() -> None:
    assert VideoRef("a", "a", "/a.mp4").media == "/a.mp4"
    url = VideoRef("a", "a", "https://user:secret@host/a.mp4")
    assert url.media == UrlFile("https://user:secret@host/a.mp4", "https://host/a.mp4")
    member = VideoRef("a", "a", "/s.tar", member="x/a.mp4", offset=512, size=9)
    assert member.media == FileRange("/s.tar", 512, 9, "/s.tar: x/a.mp4")
    assert VideoRef("a", "a", "row 1", data=b"123").media == BytesFile(b"123", "row 1")
    array = FrameArray(np.zeros((1, 2, 2, 3), np.uint8), 25.0, "x")
    assert VideoRef("a", "a", "x", data=array).media is array


def test_data_and_metadata_do_not_flood_messages_or_comparisons() -> None:
    assert "123" not in repr(VideoRef("a", "a", "x", data=b"123"))
    assert VideoRef("a", "a", "x", meta={"label": 1}) == VideoRef("a", "a", "x")
