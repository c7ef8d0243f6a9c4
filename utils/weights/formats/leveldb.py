"""Read the sorted tables in which TensorFlow keeps checkpoints: the format of LevelDB's table files.

A table is a row of blocks of (key, value) entries, then an index block that says where the blocks are, then a
footer of 48 bytes with the place of the index and a magic number (LevelDB, doc/table_format.md). Sizes in the
file are never believed: each is held against the bytes that are there.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER_BYTES = 48
TRAILER_BYTES = 5  # after each block: its kind of compression, 1 byte, and its CRC, 4 bytes
CHECKED_BYTES = 64 * 1024  # longer pieces are not held against their CRC: in plain Python that takes too long
MOST_ENTRIES = 100_000  # far above the number of tensors in any network; bounds the time a hostile file takes
LONGEST_KEY = 4096  # bytes


class DamagedError(Exception):
    """The bytes are no table, or no checkpoint in one; the text says what is wrong with them."""


class CompressedError(DamagedError):
    """A block is compressed, which TensorFlow's own checkpoint writers do not do."""


def is_table(path: Path) -> bool:
    """Whether the file ends like a table."""
    if not path.is_file() or path.stat().st_size < FOOTER_BYTES:
        return False
    with path.open("rb") as file:
        file.seek(-len(MAGIC), 2)
        return file.read() == MAGIC


def mapped(path: Path) -> memoryview:
    """The bytes of a file, read as they are used."""
    return memoryview(np.memmap(path, np.uint8, "r")) if path.stat().st_size else memoryview(b"")


def entries(table: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The keys and values of a table, in order.

    Raises:
        DamagedError: a size points outside of the table, or a checksum is wrong.
    """
    if len(table) < FOOTER_BYTES or table[-len(MAGIC) :] != MAGIC:
        raise DamagedError("it does not end like a TensorFlow table")
    footer, position = table[-FOOTER_BYTES:], 0
    for _ in range(2):  # the place of the metaindex, which TensorFlow leaves empty
        _, position = varint(footer, position)
    count = used = 0
    for n_blocks, (_, place) in enumerate(_block_entries(_block(table, footer, position))):
        block = _block(table, place, 0)
        used += len(block)
        if n_blocks == MOST_ENTRIES or used > len(table):
            raise DamagedError("its index lists too many blocks")
        for key, value in _block_entries(block):
            count += 1
            if count > MOST_ENTRIES:
                raise DamagedError(f"it has more than {MOST_ENTRIES} entries")
            yield key, value


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """Unsigned integer of 7 bits a byte, low bits first, at `position`; and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise DamagedError("a number is cut off")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, position
    raise DamagedError("a number is longer than 64 bits")


def piece(data: memoryview, start: int, size: int) -> memoryview:
    """Return data[start : start + size], which has to be there in full."""
    if start < 0 or size < 0 or start + size > len(data):
        raise DamagedError(f"{size} bytes at {start} lie outside of its {len(data)}")
    return data[start : start + size]


def check(data: memoryview, crc: int) -> None:
    """Hold a short piece of data against its masked CRC; longer ones pass."""
    if len(data) <= CHECKED_BYTES and masked_crc32c(data) != crc:
        raise DamagedError("a checksum is wrong")


def masked_crc32c(data: memoryview | bytes) -> int:
    """CRC-32C, turned and shifted as LevelDB stores it (util/crc32c.h)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c_table() -> tuple[int, ...]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)  # the polynomial of Castagnoli, bits reversed
        table.append(crc)
    return tuple(table)


_CRC32C = _crc32c_table()


def _block(table: memoryview, place: memoryview, position: int) -> memoryview:
    """The content of the block whose start and size are written in `place` at `position`."""
    start, position = varint(place, position)
    size, position = varint(place, position)
    block = piece(table, start, size + TRAILER_BYTES)
    kind = block[size]
    check(block[: size + 1], int.from_bytes(block[size + 1 :], "little"))
    if kind == 1:
        raise CompressedError(f"the block at byte {start} is compressed")
    if kind != 0:
        raise DamagedError(f"the block at byte {start} is of the unknown kind {kind}")
    return block[:size]


def _block_entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values of a block. A key is written as the part that differs from the key before it.

    At the end of the block stand the places where whole keys begin, 4 bytes each, and their number.
    """
    places = int.from_bytes(piece(block, len(block) - 4, 4), "little")
    end = len(block) - 4 - 4 * places
    if end < 0:
        raise DamagedError("a block's list of whole keys is longer than the block")
    content, position, key = block[:end], 0, b""
    while position < end:
        shared, position = varint(content, position)
        added, position = varint(content, position)
        size, position = varint(content, position)
        if shared > len(key) or shared + added > LONGEST_KEY:
            raise DamagedError("a key does not follow from the one before it")
        key = key[:shared] + bytes(piece(content, position, added))
        value = piece(content, position + added, size)
        position += added + size
        yield key, value
