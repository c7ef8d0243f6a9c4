"""Frames and sound that are missing in a file make it partial; what is left out on purpose does not."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.media import join, moving_frames, remux, waveform, write_audio, write_clip

from utils.media.audio import AudioStream
from utils.media.report import DecodeReport
from utils.media.video import VideoStream

SOUND = waveform(0, 2.0, 48000)
MP3 = {"audio": SOUND, "audio_rate": 48000, "audio_codec": "libmp3lame"}
MXF_PICTURE = bytes.fromhex("060e2b34 01020101 0d010301 15")  # the start of a key (SMPTE 381M)
NUT_INDEX = b"NX\xdd\x67\x2f\x23\xe6\x4e"
GROUP_START = b"\0\0\1\xb8"  # of pictures in MPEG-2 (ISO/IEC 13818-2, section 6.2.2.6)


def of_sound(path: Path) -> DecodeReport:
    with AudioStream(path, 16000) as stream:
        list(stream)
        return stream.report


def of_frames(path: Path) -> DecodeReport:
    with VideoStream(path) as stream:
        list(stream)
        return stream.report


@pytest.mark.parametrize("number", [1, 20])
@pytest.mark.parametrize(("name", "codec"), [("x.mp3", "libmp3lame"), ("x.flac", "flac"), ("x.aac", "aac")])
def test_bare_sound(tmp_path: Path, name: str, codec: str, number: int) -> None:
    path = write_audio(tmp_path / name, SOUND, 48000, codec)
    assert of_sound(path).problems == []
    data = bytearray(path.read_bytes())
    start = len(data) // 2
    data[start : start + 40 * number] = bytes(40 * number)
    path.write_bytes(data)
    assert of_sound(path).partial


def test_joined_mp3_files_with_tags(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "x.mp3", SOUND, 48000, "libmp3lame")
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(path.read_bytes() + b"TAG" + b"a title".ljust(125))
    assert not of_sound(join(tmp_path / "joined.mp3", tagged, tagged)).partial


@pytest.mark.parametrize(
    ("name", "options", "partial"),
    [
        ("x.mkv", {}, False),  # a recorder may drop frames: noted
        ("x.ts", {}, False),
        ("x.nut", {"codec": "mpeg4"}, False),
        ("x.mpg", {"codec": "mpeg2video"}, True),
    ],
)
def test_a_hole_between_frames(tmp_path: Path, name: str, options: dict[str, Any], partial: bool) -> None:
    path = write_clip(tmp_path / f"whole_{name}", moving_frames(60), options={"bf": "0", "g": "5"}, **options)
    assert of_frames(path).problems == []
    report = of_frames(remux(path, tmp_path / name, keep=lambda packet, number: not 20 <= number < 25))
    assert (report.partial, len(report.problems)) == (partial, 1)
    assert "missing" in report.problems[0]


def test_a_picture_that_the_decoder_leaves_out(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mpg", moving_frames(60), codec="mpeg2video", options={"bf": "0", "g": "12"})
    data = bytearray(path.read_bytes())
    start = data.find(GROUP_START, len(data) // 2)
    data[start : start + 12] = bytes(12)  # up to the start of its first picture
    path.write_bytes(data)
    assert of_frames(path).problems == ["frames do not decode in 1 place"]


def test_fewer_frames_than_a_tag_says(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mkv", moving_frames(20), stream_tags={"NUMBER_OF_FRAMES": "25"})
    assert of_frames(path).problems == ["20 of 25 packets are in the file"]


def test_an_earlier_end_than_the_header_says(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "x.flac", SOUND, 48000, "flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    report = of_sound(path)
    assert report.partial
    assert any(problem.endswith("the header says 2.00 s") for problem in report.problems)


@pytest.mark.parametrize("name", ["x.mxf", "x.nut"])
def test_a_container_that_is_damaged_to_its_end(tmp_path: Path, name: str) -> None:
    """Its header says how long it was, also where the times are in an index that is lost."""
    path = write_clip(tmp_path / name, moving_frames(50), codec="mpeg2video", options={"bf": "0", "g": "5"})
    assert of_frames(path).problems == []
    data = path.read_bytes()
    start, end = len(data) // 2, data.rindex(NUT_INDEX) if name == "x.nut" else 0
    path.write_bytes(data[:start] if name == "x.mxf" else data[:start] + bytes(end - start) + data[end:])
    report = of_frames(path)
    assert report.partial
    assert any(problem.endswith("the header says 2.00 s") for problem in report.problems), report.problems


def test_a_frame_that_a_demuxer_skips(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.mxf", moving_frames(50), codec="mpeg2video", options={"bf": "0", "g": "5"})
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data)) if data.startswith(MXF_PICTURE, at)]
    data[starts[20] + 8] ^= 128  # of the key that says what follows
    path.write_bytes(data)
    missing = ["frames are missing in the file for 0.04 s in 1 place", "49 of 50 packets are in the file"]
    assert of_frames(path).problems == missing


def test_a_late_stream_of_asf_ends_with_the_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "x.wmv", moving_frames(50), codec="wmv2", **MP3)
    late = remux(path, tmp_path / "late.wmv", shift_s=lambda packet: 0.8 * (packet.stream.type == "audio"))
    assert (of_frames(late).problems, of_sound(late).problems) == ([], [])


def test_sound_of_a_vob_whose_times_may_be_late(tmp_path: Path) -> None:
    pair = np.stack([SOUND, SOUND], 1)  # so that a packet is as long as in the files of DVDs
    path = write_clip(
        tmp_path / "x.vob", moving_frames(50), codec="mpeg2video", audio=pair, audio_rate=48000, audio_codec="pcm_dvd"
    )
    assert of_sound(path).problems == []
    short = remux(path, tmp_path / "y.vob", keep=lambda packet, number: packet.stream_index == 0 or number // 4 != 10)
    report = of_sound(short)
    assert report.partial
    assert [problem[:22] for problem in report.problems] == ["sound is missing for 0"]


def test_sound_missing_before_the_first_frame(tmp_path: Path) -> None:
    """A decoder of WMA needs two packets for its first frame, whose time is the only one that it gives."""
    path = write_audio(tmp_path / "x.wma", SOUND, 48000, "wmav2")
    assert of_sound(path).problems == []
    short = remux(path, tmp_path / "y.wma", keep=lambda packet, number: number not in (1, 2))
    assert of_sound(short).problems == ["sound is missing for 0.09 s before the first that decodes"]


@pytest.mark.parametrize(("name", "codec"), [("x.mkv", "alac"), ("x.mkv", "wavpack"), ("x.avi", "flac")])
def test_packets_without_a_length(tmp_path: Path, name: str, codec: str) -> None:
    assert of_sound(write_audio(tmp_path / name, SOUND, 48000, codec)).problems == []


def test_a_frame_of_sound_that_a_parser_skips(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "x.avi", SOUND, 48000, "libmp3lame")
    assert of_sound(path).problems == []
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size]
    start, n_bytes = packets[20].pos or 0, packets[20].size
    data = path.read_bytes()
    path.write_bytes(data[:start] + bytes(n_bytes) + data[start + n_bytes :])
    assert of_sound(path).problems == [f"{len(packets) - 1} of {len(packets)} packets are in the file"]
