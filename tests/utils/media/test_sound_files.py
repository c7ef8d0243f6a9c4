"""Files of sound alone whose own headers or blocks say what is missing, which FFmpeg does not look at."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from support.media import waveform, write_audio

from utils.media.audio import AudioStream
from utils.media.sound_files import walk_wavpack

RATE_HZ = 16000
CODECS = {
    "wav": "pcm_s16le", "w64": "pcm_s16le", "caf": "pcm_s16be", "voc": "pcm_s16le", "sox": "pcm_s32le", "rso": "pcm_u8",
    "wv": "wavpack", "adx": "adpcm_adx", "wma": "pcm_s16le", "mp2": "mp2",
}  # fmt: skip
WAVPACK_HZ = 44100  # for blocks of a second


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, rates = tmp_path_factory.mktemp("sound"), {"wv": WAVPACK_HZ}
    return {
        suffix: write_audio(folder / f"x.{suffix}", waveform(0, 3.0, rate), rate, codec)
        for suffix, codec in CODECS.items()
        for rate in [rates.get(suffix, RATE_HZ)]
    }


def wavpack_blocks(data: bytes) -> list[bytes]:
    """Return the blocks of a WavPack file, without the tags at its end."""
    blocks: list[bytes] = []
    while data.startswith(b"wvpk"):
        length = 8 + struct.unpack_from("<I", data, 4)[0]
        blocks, data = [*blocks, data[:length]], data[length:]
    return blocks


def without_block(number: int) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(block for i, block in enumerate(wavpack_blocks(data)) if i != number)


def with_adx_mark(data: bytes) -> bytes:
    """Return an ADX file of 18 bytes a block with an end mark in its 100th."""
    at = 4 + int.from_bytes(data[2:4]) + 99 * 18
    return data[:at] + bytes([data[at] | 0x80]) + data[at + 1 :]


def without_last_block(data: bytes) -> bytes:
    """Return sound as FFmpeg reads it, in blocks of 4096 bytes, without the last one, which is a whole one here."""
    at = data.index(b"data") + 8
    return data[: at + (len(data) - at) // 4096 * 4096 - 4096]


LOSSES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "wav_cut": ("wav", without_last_block),
    "w64_cut": ("w64", lambda data: data[:-4096]),
    "caf_cut": ("caf", lambda data: data[:-4096]),
    "wma_cut": ("wma", lambda data: data[: len(data) // 2]),
    "wma_hole": ("wma", lambda data: data[:40000] + data[41000:]),
    "mp2_cut": ("mp2", lambda data: data[:-100]),
    "mp2_hole": ("mp2", lambda data: data[: 20 * 1440] + bytes(1440) + data[21 * 1440 :]),
    "voc_cut": ("voc", lambda data: data[:-2000]),
    "voc_hole": ("voc", lambda data: data[:60000] + data[61000:]),
    "sox_cut": ("sox", lambda data: data[:-2000]),
    "rso_cut": ("rso", lambda data: data[:-2000]),
    "adx_cut": ("adx", lambda data: data[:-1800]),  # whole blocks
    "adx_mark": ("adx", with_adx_mark),
    "wv_no_last_block": ("wv", without_block(2)),
    "wv_no_middle_block": ("wv", without_block(1)),
}
KEPT: dict[str, tuple[str, Callable[[bytes], bytes], int]] = {  # → and how many problems are noted
    **{suffix: (suffix, lambda data: data, 0) for suffix in CODECS},
    "voc_no_end": ("voc", lambda data: data[:-1], 1),
    "voc_pipe": ("voc", lambda data: data[:26] + b"\x09\0\0\0" + data[30:], 0),
    "sox_pipe": ("sox", lambda data: data[:8] + bytes(8) + data[16:], 0),
    "wv_tags": ("wv", lambda data: data + b"TAG" + bytes(125), 0),
}


def read(path: Path) -> tuple[bool, int]:
    """Return whether sound is missing, and how many problems there are."""
    with AudioStream(path, RATE_HZ) as stream:
        for _ in stream:
            pass
        return stream.report.partial, len(stream.report.problems)


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_missing_makes_a_file_partial(tmp_path: Path, healthy: dict[str, Path], name: str) -> None:
    suffix, change = LOSSES[name]
    path = tmp_path / f"{name}.{suffix}"
    path.write_bytes(change(healthy[suffix].read_bytes()))
    assert read(path)[0]


def test_a_part_of_a_wavpack_file_is_noted(healthy: dict[str, Path]) -> None:
    data = without_block(0)(healthy["wv"].read_bytes())
    assert [finding.is_loss for finding in walk_wavpack(io.BytesIO(data), len(data))] == [False]


@pytest.mark.parametrize("name", KEPT)
def test_healthy_files_are_whole(tmp_path: Path, healthy: dict[str, Path], name: str) -> None:
    suffix, change, n_noted = KEPT[name]
    path = tmp_path / f"{name}.{suffix}"
    path.write_bytes(change(healthy[suffix].read_bytes()))
    assert read(path) == (False, n_noted)
