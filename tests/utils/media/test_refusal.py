import pytest

from utils.media.refusal import cause_of_refusal


@pytest.mark.parametrize(
    ("head", "cause"),
    [
        (b"\xef\xbb\xbf#EXTM3U\n", "ffmpeg -i PLAYLIST -c copy film.mp4"),
        (b"\0\0\0\x18stypmsdh", "it is one segment of a film"),
        (b"NIST_1A\n   1024\n", "a NIST SPHERE file of a kind that FFmpeg cannot read (Invalid data)"),
        (b'<?xml version="1.0"?><MPD xmlns="">', "it is a playlist"),
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a picture (WebP)"),
        (b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\x02", "an animated WebP"),
        (b"\0\0\0\x20ftypisom", "its index (moov box) is missing"),
        (b"<!DOCTYPE html>\n<p>n\xc3\xa4h", "a list of videos is given by --file_with_video_paths"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08", "not a known video or audio format (Invalid data)"),
    ],
)
def test_the_cause_is_seen_in_the_first_bytes(head, cause):
    assert cause in cause_of_refusal(head, "Invalid data")


def test_an_unreadable_transport_stream_may_be_encrypted():
    for name, says_so in (("index0.ts", True), ("clip.mp4", False)):
        assert ("encrypted" in cause_of_refusal(b"\x01\x02\x03\x04", "Invalid data", name)) == says_so
