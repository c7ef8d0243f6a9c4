"""Files of rare containers: FFmpeg reads cut ones without a word; their headers say that there was more."""

import struct
from pathlib import Path

import pytest
from support.formats import CUT, jpegs, write_cut_ones, write_grey

from utils.media.structure import findings

DEMUXERS = {
    "apng": "apng",
    "drc": "dirac",
    "gxf": "gxf",
    "mjpeg": "mjpeg",
    "nut": "nut",
    "rm": "rm",
    "smjpeg": "smjpeg",
    "swf": "swf",
    "y4m": "yuv4mpegpipe",
}


def found(path: Path, data: bytes) -> list[tuple[bool, str]]:
    path.write_bytes(data)
    return list(findings(path, len(data), DEMUXERS[path.suffix[1:]]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rare")
    write_cut_ones(folder)
    return folder


@pytest.mark.parametrize("suffix", CUT)
def test_a_whole_file_has_nothing_the_matter_and_a_cut_one_has(folder: Path, tmp_path: Path, suffix: str) -> None:
    data = (folder / f"whole_{suffix}.{suffix}").read_bytes()
    path = tmp_path / f"x.{suffix}"
    assert found(path, data) == []
    for cut in (data[: int(len(data) * 0.8)], (folder / f"cut_{suffix}.{suffix}").read_bytes()):
        assert [is_loss for is_loss, _ in found(path, cut)][:1] == [True], len(cut)


@pytest.mark.parametrize("suffix", ["gxf", "rm", "smjpeg", "swf"])
def test_bytes_that_are_missing_in_the_middle(folder: Path, tmp_path: Path, suffix: str) -> None:
    path = folder / f"whole_{suffix}.{suffix}"
    if suffix == "gxf":
        write_grey(path, "gxf", "mpeg2video", (720, 576))
    if suffix == "smjpeg":
        write_grey(path, "smjpeg", "mjpeg", pix_fmt="yuvj420p")
    data = path.read_bytes()
    assert found(tmp_path / path.name, data) == []
    half = len(data) // 2
    assert [is_loss for is_loss, _ in found(tmp_path / path.name, data[:half] + data[half + 37 :] + bytes(37))][:1] == [
        True
    ]
    if suffix in ("gxf", "smjpeg"):
        assert [is_loss for is_loss, _ in found(tmp_path / path.name, data[: -len(data) // 8])] == [True]


def test_links_of_dirac(tmp_path: Path) -> None:
    units, before = [], 0
    for kind in (0x00, 0xE8, 0xE8, 0x10):
        content = b"" if kind == 0x10 else bytes([kind]) * 50
        following = 13 + len(content) if content else 0
        units.append(b"BBCD" + struct.pack(">BII", kind, following, before) + content)
        before = following
    path = tmp_path / "x.drc"
    assert found(path, b"".join(units)) == []
    assert found(path, units[0] + units[1][:-9] + b"".join(units[2:])) == [(True, "the file is damaged in 1 place")]
    assert found(path, b"".join(units[:3])) == [(True, "the file ends before the end mark of its stream")]


@pytest.mark.parametrize("lost", [b"\xff\xd8", b"\xff\xd9"], ids=["start", "end"])
def test_marks_of_jpegs(tmp_path: Path, lost: bytes) -> None:
    pictures = jpegs()
    path = tmp_path / "x.mjpeg"
    assert found(path, b"\0\0\r\n".join(pictures)) == []
    pictures[1] = pictures[1].replace(lost, b"\0\0")
    assert found(path, b"".join(pictures)) == [(True, "frames are damaged in 1 place")]


def test_what_a_pipe_wrote_has_no_length(folder: Path, tmp_path: Path) -> None:
    apng, swf, realmedia = ((folder / f"whole_{x}.{x}").read_bytes() for x in ("apng", "swf", "rm"))
    counted = apng.index(b"acTL") + 4
    assert found(tmp_path / "x.apng", apng[:counted] + b"\xff" * 4 + apng[counted + 4 :]) == []
    assert found(tmp_path / "x.swf", swf[:4] + struct.pack("<I", 100 << 20) + swf[8:]) == []
    length = realmedia.index(b"DATA") + 4
    assert found(tmp_path / "x.rm", realmedia[:length] + struct.pack(">I", 18) + realmedia[length + 4 :]) == []


def test_frames_of_y4m_have_the_bytes_of_their_layout(tmp_path: Path) -> None:
    for layout, n_bytes in (("420jpeg", 27), ("mono", 15), ("444alpha", 60), ("422p10", 66), ("mono12", 30)):
        whole = f"YUV4MPEG2 W5 H3 F25:1 C{layout}\n".encode() + 2 * (b"FRAME Ip\n" + bytes(n_bytes))
        path = tmp_path / "x.y4m"
        assert found(path, whole) == []
        assert found(path, whole[:-1]) == [(True, "the file ends 1 bytes before the end of its last frame")]
        assert found(path, whole + b"x") == [(True, f"the file is damaged at byte {len(whole)}")]
