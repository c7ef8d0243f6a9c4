"""What packets tell of pictures: parameter sets of H.264, hidden frames of VP8 and VP9, fields."""

import itertools
from pathlib import Path
from typing import Any

import av
import pytest
from support.media import moving_frames, write_clip

from utils.media.picture_packets import PicturePackets, _shows_vp9

PAFF = Path(__file__).parents[2] / "media" / "paff_20_pictures.ts"


def looked_at(path: Path) -> tuple[int, bool]:
    """Return how many packets show a picture, and whether each is one."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = PicturePackets(stream)
        return sum(pictures.shows(packet) for packet in container.demux(stream) if packet.size), pictures.one_each


def test_fields() -> None:
    assert looked_at(PAFF) == (40, False)


OPTIONS = [{}, {"x264-params": "interlaced=1"}, {"bf": "0"}]
KINDS = [("yuv420p", {"profile": "baseline"}), *itertools.product(["yuv420p", "yuv422p10le", "yuv444p"], OPTIONS)]


@pytest.mark.parametrize(("pix_fmt", "options"), KINDS)
@pytest.mark.parametrize("suffix", ["mp4", "ts", "h264"])
def test_frames_of_h264(tmp_path: Path, pix_fmt: str, options: dict[str, str], suffix: str) -> None:
    path = write_clip(tmp_path / f"x.{suffix}", moving_frames(5, 96, 128), pix_fmt=pix_fmt, options=options)
    assert looked_at(path) == (5, "x264-params" not in options)


@pytest.mark.parametrize(
    ("name", "options", "one_each"),
    [
        ("x.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}, True),
        ("x.webm", {"codec": "libvpx-vp9", "options": {"auto-alt-ref": "1", "lag-in-frames": "16"}}, True),
        ("x.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=error"}}, True),
        ("x.avi", {"codec": "mpeg4"}, False),
        ("x.ts", {"codec": "mpeg2video"}, False),
        ("x.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}, True),
    ],
)
def test_other_codecs(tmp_path: Path, name: str, options: dict[str, Any], one_each: bool) -> None:
    assert looked_at(write_clip(tmp_path / name, moving_frames(40), **options)) == (40, one_each)


def test_pictures_that_mpeg4_must_give(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.avi", moving_frames(40), codec="mpeg4", options={"bf": "2", "g": "12"})
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        key = [packet.is_keyframe for packet in packets].index(True, 1)
        for first, n_lost in ((0, 0), (key, 2)):  # two after the second key frame need the picture before it, too
            pictures = PicturePackets(stream)
            assert all(pictures.shows(packet) for packet in packets[first:])
            assert pictures.n_sure == 40 - first - n_lost
            pictures.shows(av.Packet(b"\0\0\1\xb6\x54\xc0\x7f"))  # repeats the picture before it
            assert pictures.n_sure == 40 - first - n_lost


@pytest.mark.parametrize(
    ("data", "shows"),
    [
        (b"\x82\x49", True),  # a key frame
        (b"\x84\x00", False),  # an alternate reference frame
        (b"\x86\x00", True),  # a frame between
        (b"\x88", True),  # shows a frame that came before
        (b"\xb2\x00", False),  # in profile 3 the bits come one later
        (b"\xb3\x00", True),
        (b"\x84\x00\x86\x00\xc9", True),  # two frames, one of them shown
    ],
)
def test_hidden_frames_of_vp9(data: bytes, shows: bool) -> None:
    assert _shows_vp9(data) == shows
