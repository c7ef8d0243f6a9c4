"""Tags after bare frames of sound are not damage."""

import struct
from pathlib import Path

import numpy as np
import pytest
from support.media import waveform, write_audio

from utils.media.audio import AudioStream


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    with AudioStream(path, 16000) as stream:
        return np.concatenate(list(stream)), stream.report.problems


@pytest.mark.parametrize("codec", ["ac3", "eac3", "mp2"])
def test_tags_after_bare_sound(tmp_path: Path, codec: str) -> None:
    """What plays such files ignores them; FFmpeg's AC-3 parser takes them for the end of the last frame."""
    path = write_audio(tmp_path / f"x.{codec}", waveform(0, 0.15, 44100), 44100, codec)
    ape = b"APETAGEX" + struct.pack("<IIIIQ", 2000, 52, 1, 1 << 31, 0)
    items = struct.pack("<II", 6, 0) + b"title\0a name"
    id3v1, id3v2 = b"TAG" + b"a title".ljust(125, b"\0"), b"ID3\4\0\0\0\0\0\x20" + bytes(32)
    expected, _ = read(path)
    tagged = tmp_path / f"tagged.{codec}"
    for i, tag in enumerate((id3v1, id3v2, ape + items + ape, items + ape, items + ape + id3v1)):
        tagged.write_bytes(path.read_bytes() + tag)
        samples, problems = read(tagged)
        assert problems == [], i
        np.testing.assert_array_equal(samples, expected, err_msg=str(i))
    cut = tmp_path / f"cut.{codec}"
    cut.write_bytes(path.read_bytes()[:-40] + id3v1)  # a frame that ends early is still damage
    assert read(cut)[1]
