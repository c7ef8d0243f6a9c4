"""Read the sorted tables that TensorFlow checkpoints are made of: the format of LevelDB's table files.

A table is a sequence of blocks of (key, value) entries, then an index block with the position of each block, then a
footer of 48 bytes with the position of the index and a magic number (LevelDB, doc/table_format.md). Sizes in the file
are not trusted: each is checked against the bytes that exist.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER_BYTES = 48
TRAILER_BYTES = 5  # after each block: its kind of compression, 1 byte, and its CRC, 4 bytes
CHECKED_BYTES = 64 * 1024  # longer data is not checked against its CRC: in plain Python that takes too long
MOST_ENTRIES = 100_000  # far more than the tensors of any network; bounds the time for a hostile file
LONGEST_KEY = 4096  # bytes


class DamagedTableError(Exception):
    """The bytes are not a table, or the table is not a checkpoint; the text says what is wrong."""


class CompressedError(DamagedTableError):
    """A block is compressed, which TensorFlow's own checkpoint writers do not do."""


def is_table(path: Path) -> bool:
    """Return whether the file ends like a table."""
    if not path.is_file() or path.stat().st_size < FOOTER_BYTES:
        return False
    with path.open("rb") as file:
        file.seek(-len(MAGIC), 2)
        return file.read() == MAGIC


def mapped(path: Path) -> memoryview:
    """Return the bytes of a file, mapped into memory."""
    return np.memmap(path, np.uint8, "r").data if path.stat().st_size else memoryview(b"")


def entries(table: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys and values of a table, in order.

    Raises:
        DamagedTableError: a size points outside of the table, or a checksum is wrong.
    """
    if len(table) < FOOTER_BYTES or table[-len(MAGIC) :] != MAGIC:
        raise DamagedTableError("it does not end like a TensorFlow table")
    footer, position = table[-FOOTER_BYTES:], 0
    for _ in range(2):  # the position of the metaindex, which TensorFlow leaves empty
        _, position = varint(footer, position)
    count = used = 0
    for n_blocks, (_, place) in enumerate(_block_entries(_block(table, footer, position))):
        block = _block(table, place, 0)
        used += len(block)
        if n_blocks == MOST_ENTRIES or used > len(table):
            raise DamagedTableError("its index lists too many blocks")
        for key, value in _block_entries(block):
            count += 1
            if count > MOST_ENTRIES:
                raise DamagedTableError(f"it has more than {MOST_ENTRIES} entries")
            yield key, value


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the unsigned integer at `position`, of 7 bits a byte, low bits first, and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise DamagedTableError("a number is cut off")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, position
    raise DamagedTableError("a number is longer than 64 bits")


def piece(data: memoryview, start: int, size: int) -> memoryview:
    """Return data[start : start + size]; DamagedTableError if that is not all in the data."""
    if start < 0 or size < 0 or start + size > len(data):
        raise DamagedTableError(f"{size} bytes at {start} are outside of its {len(data)}")
    return data[start : start + size]


def check(data: memoryview, crc: int) -> None:
    """Check data against its masked CRC, unless it is too long."""
    if len(data) <= CHECKED_BYTES and masked_crc32c(data) != crc:
        raise DamagedTableError("a checksum is wrong")


def masked_crc32c(data: memoryview | bytes) -> int:
    """Return the CRC-32C, rotated and shifted as LevelDB stores it (util/crc32c.h)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c_table() -> tuple[int, ...]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)  # Castagnoli's polynomial, bits reversed
        table.append(crc)
    return tuple(table)


_CRC32C = _crc32c_table()


def _block(table: memoryview, place: memoryview, position: int) -> memoryview:
    """Return the content of the block whose start and size are in `place` at `position`."""
    start, position = varint(place, position)
    size, position = varint(place, position)
    block = piece(table, start, size + TRAILER_BYTES)
    kind = block[size]
    check(block[: size + 1], int.from_bytes(block[size + 1 :], "little"))
    if kind == 1:
        raise CompressedError(f"the block at byte {start} is compressed")
    if kind != 0:
        raise DamagedTableError(f"the block at byte {start} is of an unknown kind, {kind}")
    return block[:size]


def _block_entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys and values of a block. Of a key, only the part that differs from the key before is stored.

    The block ends with the positions of keys that are stored in full, 4 bytes each, and their number.
    """
    places = int.from_bytes(piece(block, len(block) - 4, 4), "little")
    end = len(block) - 4 - 4 * places
    if end < 0:
        raise DamagedTableError("a block's list of full keys is longer than the block")
    content, position, key = block[:end], 0, b""
    while position < end:
        shared, position = varint(content, position)
        added, position = varint(content, position)
        size, position = varint(content, position)
        if shared > len(key) or shared + added > LONGEST_KEY:
            raise DamagedTableError("a key does not follow from the one before it")
        key = key[:shared] + bytes(piece(content, position, added))
        value = piece(content, position + added, size)
        position += added + size
        yield key, value
