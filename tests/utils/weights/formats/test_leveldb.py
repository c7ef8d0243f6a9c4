"""Tables of LevelDB, written by hand as its doc/table_format.md says."""

import pytest

from utils.weights.formats import leveldb
from utils.weights.formats.leveldb import CompressedError, DamagedTableError, check, entries, is_table, piece, varint


def number(n: int) -> bytes:
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + number(n >> 7)


def block(*found: tuple[int, bytes, bytes], kind: int = 0) -> bytes:
    """Return a block of (bytes shared with the key before, the rest of the key, value)."""
    body = b"".join(number(n) + number(len(k)) + number(len(v)) + k + v for n, k, v in found)
    body += bytes(4) + (1).to_bytes(4, "little") + bytes([kind])
    return body + leveldb.masked_crc32c(body).to_bytes(4, "little")


def table(data: bytes, size: int | None = None) -> bytes:
    index = block((0, b"z", number(0) + number(len(data) - 5 if size is None else size)))
    places = number(0) + number(0) + number(len(data)) + number(len(index) - 5)
    return data + index + places.ljust(40, b"\0") + leveldb.MAGIC


DATA = block((0, b"conv/bias", b"1"), (5, b"weight", b"2" * 200), (0, b"fc", b""))


def test_keys_share_the_start_of_the_key_before() -> None:
    found = [(key, bytes(value)) for key, value in entries(memoryview(table(DATA)))]
    assert found == [(b"conv/bias", b"1"), (b"conv/weight", b"2" * 200), (b"fc", b"")]


@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (table(DATA)[:-1], "does not end like"),
        (table(DATA).replace(b"222", b"223", 1), "a checksum is wrong"),
        (table(DATA, 10**6), "are outside of its"),
        (table(block((3, b"a", b""))), "does not follow from the one before"),
        (table(block(kind=7)), "of an unknown kind, 7"),
    ],
)
def test_damage_is_named(damaged: bytes, words: str) -> None:
    with pytest.raises(DamagedTableError, match=words):
        list(entries(memoryview(damaged)))


def test_compressed_blocks_are_told_apart() -> None:
    with pytest.raises(CompressedError):
        list(entries(memoryview(table(block((0, b"a", b"1"), kind=1)))))


def test_numbers_and_checksums() -> None:
    crc = 0xE3069283  # of CRC-32C, "123456789"
    assert leveldb.masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    check(memoryview(b"123456789"), leveldb.masked_crc32c(b"123456789"))
    assert varint(memoryview(b"x" + number(300) + b"y"), 1) == (300, 3)
    for data, words in ((b"\x80", "cut off"), (b"\x80" * 11, "longer than 64 bits")):
        with pytest.raises(DamagedTableError, match=words):
            varint(memoryview(data), 0)
    assert bytes(piece(memoryview(b"abcd"), 1, 2)) == b"bc"
    with pytest.raises(DamagedTableError):
        piece(memoryview(b"abcd"), 3, 2)


def test_a_table_is_known_by_its_end(tmp_path) -> None:
    for name, content, is_one in (
        ("a", table(DATA), True),
        ("b", table(DATA)[:-1], False),
        ("c", leveldb.MAGIC, False),
    ):
        (tmp_path / name).write_bytes(content)
        assert is_table(tmp_path / name) is is_one
    assert not is_table(tmp_path) and not is_table(tmp_path / "absent")
