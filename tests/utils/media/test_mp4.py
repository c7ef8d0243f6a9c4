"""The boxes of MP4 files, whole and damaged."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from support.media import moving_frames, write_clip

from utils.media.file_parts import Finding
from utils.media.mp4 import boxes, inner_box, walk_mp4


def box(name: bytes, content: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(content) if length is None else length, name) + content


def walk(data: bytes) -> list[Finding]:
    return list(walk_mp4(io.BytesIO(data), len(data)))


LARGE = struct.pack(">I4sQ", 1, b"mdat", 26)  # its length takes 8 bytes
FILE = box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat", bytes(20))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (FILE, []),
        (FILE[:-12], [(True, "the file ends 12 bytes before the end of its mdat box")]),
        (
            FILE[:-28] + LARGE + bytes(9),
            [(True, "the file ends 1 bytes before the end of its mdat box")],
        ),
        (FILE[:-28] + box(b"mdat", bytes(20), 0), []),  # up to the end of the file
        (FILE + FILE, [(False, "a second film begins at byte 60 (joined files?): its frames are not listed")]),
        (FILE + bytes(9), [(False, "9 bytes from byte 48 on are not read")]),
    ],
)
def test_boxes_follow_each_other(data: bytes, expected: list[tuple[bool, str]]) -> None:
    assert walk(data) == expected


def test_boxes_are_found_by_name() -> None:
    data = box(b"aaaa", box(b"bbbb", b"1")) + box(b"aaaa", b"22") + box(b"cccc")
    assert list(boxes(data, b"aaaa")) == [box(b"bbbb", b"1"), b"22"]
    assert inner_box(data, b"aaaa", b"bbbb") == b"1" and inner_box(data, b"cccc", b"bbbb") == b""


def test_times_that_an_index_leaves_out() -> None:
    def index(n_samples: int) -> bytes:
        sizes = box(b"stsz", struct.pack(">III", 0, 100, n_samples))
        times = box(b"ctts", struct.pack(">IIIIII", 0, 2, 3, 10, 4, 20))  # 3 + 4 samples
        scale = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 1000, 7))
        return box(b"moov", box(b"trak", box(b"mdia", scale + box(b"minf", box(b"stbl", sizes + times)))))

    assert walk(index(7)) == []
    assert walk(index(9)) == [(True, "its index is damaged: 2 frames have no time")]


def test_a_damaged_fragment(tmp_path: Path) -> None:
    options: dict[str, Any] = {"muxer_options": {"movflags": "frag_keyframe+delay_moov"}, "options": {"g": "10"}}
    whole = write_clip(tmp_path / "x.mp4", moving_frames(20), **options).read_bytes()
    assert walk(whole) == []
    for name, change, expected in (
        (b"traf", lambda data, at: data[: at - 4] + b"\0\0\0\4" + data[at:], [True]),  # shorter than a box can be
        (b"tfdt", lambda data, at: data[: at - 3] + b"\1" + data[at - 2 :], [True]),  # longer than its fragment
        (b"trun", lambda data, at: data[:at] + b"trum" + data[at + 4 :], [False]),
        (b"moof", lambda data, at: data[:at] + b"moon" + data[at + 4 :], [False]),
    ):
        found = walk(change(whole, whole.rfind(name, 0, whole.rfind(b"mfra"))))
        assert [finding.is_loss for finding in found] == expected, name


def test_edit_lists_that_hide_too_much(tmp_path: Path) -> None:
    """Of a trimmed film, the edit list and the length of the track agree; a flipped bit makes them differ."""
    whole = write_clip(tmp_path / "x.mp4", moving_frames(100)).read_bytes()
    assert walk(whole) == []
    edits, scale = whole.index(b"elst") + 12, whole.index(b"mdhd")
    length_ms = int.from_bytes(whole[edits : edits + 4])
    shorter = whole[:edits] + (length_ms // 4).to_bytes(4) + whole[edits + 4 :]
    assert walk(shorter) == [(False, "its edit list shows 1.00 s of a track of 4.00 s")]
    later = whole[: edits + 4] + (1 << 30).to_bytes(4) + whole[edits + 8 :]
    assert walk(later) == [(False, "its edit list shows 4.00 s, of which 0.00 s exist")]
    without = whole[:scale] + b"ndhd" + whole[scale + 4 :]
    assert walk(without) == [(True, "its index is damaged: a track has no scale of times")]
