"""The start of MP3 files: what their header counts, and damage that FFmpeg skips."""

from pathlib import Path
from typing import cast

import pytest
from support.media import waveform, write_audio

from utils.media.container import open_media
from utils.media.mp3 import declared_mp3, frame_bytes, skipped_head

SYNC = b"\xff\xfb"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_audio(tmp_path / "x.mp3", waveform(0, 2.0, 48000), 48000, "libmp3lame")


def losses(path: Path) -> list[bool]:
    """Return for each finding whether something is lost."""
    with open_media(path) as media:
        first_at = next(packet.pos for packet in media.container.demux() if packet.size) or 0
        return [finding.is_loss for finding in skipped_head(media, first_at)]


def test_header(path: Path) -> None:
    with open_media(path) as media:
        packets = [packet for packet in media.container.demux() if packet.size]
        n_bytes = sum(packet.size for packet in packets)
        assert declared_mp3(media, cast(int, packets[0].pos)) == (len(packets), n_bytes)


def test_skipped_head(path: Path) -> None:
    whole = path.read_bytes()
    header_at = whole.find(SYNC)
    first_at = whole.find(SYNC, header_at + 4)
    for data, expected in (
        (whole, []),
        (whole[header_at:], []),  # without a tag
        (whole[:header_at] + bytes(500) + whole[header_at:], []),  # padding
        (whole[:first_at] + whole[first_at + 18 :], [True]),
        (whole[:first_at] + bytes(200) + whole[first_at + 200 :], [True]),
        (whole[first_at + 18 :], [False]),  # a recording of a broadcast starts anywhere
    ):
        path.write_bytes(data)
        assert losses(path) == expected


@pytest.mark.parametrize(
    ("head", "n_bytes"),
    [
        ("fffb9044", 417),  # MPEG-1, 128 kbit/s, 44.1 kHz
        ("fffb9244", 418),  # padded
        ("fff344c4", 96),  # MPEG-2, 32 kbit/s, 24 kHz
        ("ffe318c4", 72),  # MPEG-2.5, 8 kbit/s, 8 kHz
        ("fffb0044", 0),  # free format
        ("fffd9044", 522),  # layer II, 160 kbit/s, 44.1 kHz
        ("fff5e8c4", 1440),  # of MPEG-2, 160 kbit/s, 16 kHz
        ("ffff9044", 0),  # layer I
        ("fffb", 0),
    ],
)
def test_frame_bytes(head: str, n_bytes: int) -> None:
    assert frame_bytes(bytes.fromhex(head)) == n_bytes
