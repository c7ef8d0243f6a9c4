"""The packets of ASF files, whole and damaged."""

import io

import pytest

from utils.media import asf
from utils.media.asf import DATA, DATA_HEAD_BYTES, ERROR_CORRECTED, FILE_PROPERTIES, walk_asf

PACKET = bytes([ERROR_CORRECTED]) + bytes(9)
DAMAGED = bytes(10)


def film(packets: bytes, is_live: bool = False, longest: int = 10) -> bytes:
    def number(n: int, n_bytes: int) -> bytes:
        return n.to_bytes(n_bytes, "little")

    sizes = number(is_live, 4) + number(10, 4) + number(longest, 4)
    other = bytes(16) + number(24, 8)
    properties = FILE_PROPERTIES + number(104, 8) + bytes(64) + sizes + bytes(4)
    header = bytes(16) + number(30 + 24 + 104, 8) + bytes(6) + other + properties
    return header + (DATA + number(DATA_HEAD_BYTES + 60, 8)).ljust(DATA_HEAD_BYTES, b"\0") + packets


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (film(PACKET * 6 + b"index"), []),
        (film(PACKET * 2 + DAMAGED * 3 + PACKET), ["3 packets of ASF are damaged"]),
        (film(PACKET * 5), ["the file ends 10 bytes before the end of its last packet"]),
        (film(PACKET * 5, is_live=True), []),
        (film(DAMAGED * 6), []),  # of a writer that marks none
        (film(PACKET + DAMAGED * 5, longest=20), []),
    ],
)
def test_packets(data: bytes, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asf, "AT_ONCE", 25)
    assert [finding.problem for finding in walk_asf(io.BytesIO(data), len(data))] == expected
