"""Files of rare containers: FFmpeg reads cut ones without a word; their headers say that there was more."""

import struct
from pathlib import Path

import pytest
from support.formats import CUT, write_cut_ones

from utils.media.structure import findings

DEMUXERS = {"apng": "apng", "mjpeg": "mjpeg", "nut": "nut", "rm": "rm", "swf": "swf", "y4m": "yuv4mpegpipe"}


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
