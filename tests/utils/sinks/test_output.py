"""How written files are described."""

import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from utils.sinks.output import ArrayInfo, Output, checksum, describe, features_in, measure, store
from utils.storage.folder import LocalFolder

RGB = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    "output",
    [
        Output("a.npy", 176, {"rgb": ArrayInfo((3, 4), "float32")}),
        Output("a.npy", 176, {}, "place", ("video", "slowfast", "kinetics"), 7, 8, 2, True),
    ],
)
def test_a_manifest_holds_all_of_it(output: Output) -> None:
    assert Output.from_json(output.to_json()) == output


def test_what_is_not_known_takes_no_room() -> None:
    assert Output("a.npy", 1, {}).to_json() == {"file": "a.npy", "bytes": 1, "arrays": {}}


@pytest.mark.parametrize("damage", [{"bytes": "x"}, {"arrays": {"rgb": {}}}, {"extractor": ["a"]}, {"arrays": None}])
def test_anything_else_is_refused(damage: dict) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Output.from_json(Output("a.npy", 1, {}).to_json() | damage)


@pytest.mark.parametrize("file", [".featmill/staging/../../x", "../../x", "..//etc/x", "/etc/x", "a/..", ""])
def test_no_output_is_outside_the_folder_of_its_run(file: str) -> None:
    with pytest.raises(ValueError, match="is outside the output folder"):
        Output.from_json(Output(file, 1, {}).to_json())


@pytest.mark.parametrize("file", ["a..b/c..npy", "../shard.pkl", ".featmill/staging/ab/ab.npz"])
def test_any_other_output_is_taken(file: str) -> None:
    assert Output.from_json(Output(file, 1, {}).to_json()).file == file


def test_a_stored_file_has_the_size_and_checksum_of_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.sinks.output.BLOCK_BYTES", 4)

    def write(file: BinaryIO) -> None:
        file.write(b"0123456789")

    stored = store(LocalFolder(tmp_path), "x/a.bin", write)
    path = tmp_path / "x/a.bin"
    assert (stored.bytes, stored.crc32, stored.mtime_ns) == (10, zlib.crc32(b"0123456789"), path.stat().st_mtime_ns)
    with path.open("rb") as file:
        assert measure(file) == (10, stored.crc32)
    output = stored.output(describe({"rgb": RGB}), "place", 1, True)
    arrays = {"rgb": ArrayInfo((3, 4), "float32")}
    assert output == Output("x/a.bin", 10, arrays, "place", None, stored.crc32, stored.mtime_ns, 1, True)


def test_a_checksum_is_of_the_values_in_order() -> None:
    expected = zlib.crc32(RGB.tobytes() + np.float64(25).tobytes())
    assert checksum({"rgb": RGB, "fps": np.array(25.0)}) == expected
    assert checksum({"rgb": np.asfortranarray(RGB), "fps": np.array(25.0)}) == expected
    assert checksum({"fps": np.array(25.0), "rgb": RGB}) != expected


def test_times_are_no_features() -> None:
    assert features_in(["rgb", "fps", "timestamps_ms", "flow", "start_s", "end_s"]) == ["rgb", "flow"]
