"""Packets of a file in order, and what is said of them."""

from pathlib import Path

import pytest
from support.media import join, moving_frames, waveform, write_clip

from utils.errors import VideoError
from utils.media.container import open_media
from utils.media.demux import read_packets
from utils.media.report import DecodeReport, VideoReport

CENC = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "0123456789abcdef" * 2,
    "encryption_kid": "fedcba9876543210" * 2,
}


def packets(path: Path, index: int = 0) -> tuple[list, DecodeReport]:
    report = VideoReport()
    with open_media(path) as media:
        return list(read_packets(media, media.container.streams[index], report)), report


def test_the_packets_of_one_stream_then_none(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mkv", moving_frames(8), audio=waveform(0, 0.3, 44100), options={"bf": "0"})
    found, report = packets(path)
    assert [round(1000 * float(packet.pts * packet.time_base)) for packet in found[:-1]] == list(range(0, 320, 40))
    assert found[-1] is None and report.problems == []
    of_sound, _ = packets(path, 1)
    assert {packet.stream_index for packet in of_sound[:-1]} == {1}


def test_encrypted_from_its_start(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mp4", moving_frames(5), muxer_options=CENC)
    with pytest.raises(VideoError, match=r"x\.mp4: its video stream is encrypted\. Get a copy without DRM"):
        packets(path)


def test_many_joints_are_noted_in_a_few_words(tmp_path: Path) -> None:
    part = write_clip(tmp_path / "part.ts", moving_frames(10))
    found, report = packets(join(tmp_path / "x.ts", *[part] * 8))
    times = sorted(packet.pts - found[0].pts for packet in found[:-1])
    assert times == [3600 * number for number in range(80)]  # at 90 kHz
    assert len(report.problems) == 4
    assert report.problems[-1] == "its clock jumps at further places"
