"""Files that are not what their names say: one clear VideoError each, and nothing else is ever opened."""

import socket
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.media import cut, moving_frames, write_audio, write_clip

from utils.errors import VideoError
from utils.media.container import open_media
from utils.media.video import VideoStream


def refusal(path: Path | str) -> str:
    with pytest.raises(VideoError) as caught:
        open_media(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "empty"),
        (b"this is not a video\n", "is a text file"),
        (np.random.default_rng(0).bytes(30000), "not a known video or audio format"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2mp41" + bytes(500), "moov"),
    ],
)
def test_what_is_no_media_is_named(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    assert cause in refusal(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no such file. Check the path, or remove it from the list" in refusal(tmp_path / "absent.mp4")
    assert "--input_dir with --glob" in refusal(tmp_path / "*.mp4")
    assert "a folder without numbered pictures" in refusal(tmp_path) and "--input_dir" in refusal(tmp_path)


def test_recording_without_index(tmp_path: Path) -> None:
    path = cut(write_clip(tmp_path / "x.mp4", moving_frames(10)), 0.5)
    assert "moov" in refusal(path)


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{name}\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {name}\nfile {url}\n",
        "file {name}\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>',
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
    ],
    ids=["hls", "ffconcat", "concat", "dash", "sdp"],
)
def test_playlists_are_refused_and_open_nothing(tmp_path: Path, playlist: str) -> None:
    other = write_clip(tmp_path / "other.mp4", moving_frames(3))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        path = tmp_path / "playlist.mp4"
        path.write_text(playlist.format(name=other.name, url=f"http://127.0.0.1:{port}/a.ts", port=port))
        assert "playlist" in refusal(path)
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_name_is_never_an_address_a_pattern_or_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    real = write_clip(tmp_path / "real.mp4", moving_frames(3)).read_bytes()
    for name in ("-i.mp4", "concat:real.mp4", "pipe:0", "%03d.mp4", "data:,x.mp4", "it's a 'quoted' 视频.mp4"):
        Path(name).write_bytes(real)
        with VideoStream(name) as stream:
            assert sum(len(chunk.index) for chunk in stream) == 3
    refusal("http://127.0.0.1:9/x.mp4")
    refusal("concat:real.mp4|other.mp4")


def test_an_image_is_not_a_video(tmp_path: Path) -> None:
    for number in range(3):
        write_clip(tmp_path / f"{number}.jpg", moving_frames(1), codec="mjpeg", pix_fmt="yuvj420p")
    assert "cannot be opened as media" in refusal(tmp_path / "0.jpg")
    assert "a folder of frames has no sound" in refusal(tmp_path / "%d.jpg")


def test_no_video_stream_says_what_there_is(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "x.m4a", np.zeros(4096, np.float32), 44100, "aac")
    with pytest.raises(VideoError) as caught:
        VideoStream(path)
    expected = f"{path}: no video stream (it has: audio aac). For audio use --feature_type vggish."
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("name", "rate", "options"),
    [
        ("x.h264", 30, {}),
        ("x.h264", 120, {}),
        ("x.hevc", Fraction(30000, 1001), {"codec": "libx265"}),
        ("x.m2v", Fraction(30000, 1001), {"codec": "mpeg2video"}),
        ("x.dv", Fraction(30000, 1001), {"codec": "dvvideo", "pix_fmt": "yuv411p"}),
        ("x.dv", 25, {"codec": "dvvideo", "pix_fmt": "yuv420p"}),
        ("x.mp4", Fraction(30000, 1001), {}),
        ("x.avi", 12, {"codec": "mpeg4"}),
    ],
)
def test_the_rate_is_the_stream_s_own(tmp_path: Path, name: str, rate: Fraction, options: dict[str, Any]) -> None:
    size = ((576 if rate == 25 else 480), 720) if name == "x.dv" else (48, 64)
    with VideoStream(write_clip(tmp_path / name, moving_frames(8, *size), rate, **options)) as stream:
        times_s = np.concatenate([chunk.pts_s for chunk in stream])
    assert stream.info.fps == rate
    np.testing.assert_allclose(times_s, np.arange(8) / float(rate), atol=1e-4)
