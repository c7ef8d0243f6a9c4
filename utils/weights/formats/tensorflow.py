"""Read TensorFlow checkpoints without TensorFlow: the older single file (V1) and index with data files (V2).

Both are tables of protocol buffers (leveldb.py). The messages and the numbers of their fields are those of TensorFlow's
tensor.proto, types.proto, tensor_bundle.proto (V2) and saved_tensor_slice.proto (V1).

Checksums are verified for the tables and for tensors up to 64 KiB (see CHECKED_BYTES). Tensors of text, which are not
weights, are left out.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from utils.errors import UserError
from utils.weights.formats import leveldb
from utils.weights.formats.leveldb import CompressedError, DamagedTableError, piece, varint

Fields = dict[int, list[int | memoryview]]  # of a message: field number → its values in order

TEXT = 7  # DT_STRING
DTYPES = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    8: "<c8",
    9: "<i8",
    10: "?",
    17: "<u2",
    18: "<c16",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}  # DataType → how V2 stores an element
V1_FIELDS = {1: 5, 2: 6, 3: 7, 4: 7, 5: 7, 6: 7, 9: 10, 10: 11, 17: 7}  # DataType → field of TensorProto
FIXED = {5: "<f4", 6: "<f8"}  # fields whose numbers have a fixed size; the others have varints
MOST_FIELDS = 64  # in a message that describes one tensor
MOST_METADATA_BYTES = 16 << 20  # a network with thousands of tensors needs less than 1 MiB
MOST_VARINT_BYTES = 1 << 20  # V1 stores integers one by one; in networks they are counters
MOST_DIMENSIONS = 16


class CompressedBlockError(UserError):
    """The checkpoint has compressed blocks, which only TensorFlow itself reads."""


def is_tensorflow_checkpoint(path: str | Path) -> bool:
    """Return whether `path` is a V1 file, or the prefix or index file of a V2 checkpoint, by the end of the file."""
    return leveldb.is_table(_table_path(Path(path)))


def read(path: str | Path) -> dict[str, np.ndarray]:
    """Return the tensors of a checkpoint by name, as writable arrays in the machine's byte order.

    path: a V1 file, the prefix of a V2 checkpoint (PREFIX.index beside PREFIX.data-00000-of-00001), or its
    index file. The data is mapped into memory and copied once.

    Raises:
        CompressedBlockError: blocks are compressed; TensorFlow can convert the file.
        UserError: the checkpoint is missing, incomplete, damaged, or has tensors that cannot be read here.
    """
    table_path = _table_path(Path(path))
    try:
        if not leveldb.is_table(table_path):
            raise DamagedTableError(
                "it does not end like one; of a V2 checkpoint give the path without .index or .data-*"
                if table_path.is_file()
                else "no such file"
            )
        return _read_table(table_path)
    except CompressedError as error:
        raise CompressedBlockError(
            f"{table_path}: {error}; read it with TensorFlow and save it again with tf.train.Saver"
        ) from error
    except DamagedTableError as error:
        raise UserError(f"{table_path}: not a TensorFlow checkpoint that can be read: {error}") from error
    except OSError as error:
        raise UserError(f"{error.filename or table_path}: cannot be read ({error.strerror})") from error


def _table_path(path: Path) -> Path:
    return path if path.is_file() else Path(f"{path}.index")


def _read_table(path: Path) -> dict[str, np.ndarray]:
    table = leveldb.mapped(path)
    entries = leveldb.entries(table)
    key, value = next(entries, (None, memoryview(b"")))
    if key != b"":
        raise DamagedTableError("its table does not begin with a header")
    if len(value) > MOST_METADATA_BYTES:
        raise DamagedTableError("its header is too long")
    header = _fields(value, leveldb.MOST_ENTRIES)
    if path.suffix == ".index":
        if len(table) > MOST_METADATA_BYTES:
            raise DamagedTableError("its index is too long")
        return _read_v2(header, entries, Path(str(path).removesuffix(".index")))
    return _read_v1(header, entries, len(table))


def _read_v1(header: Fields, entries: Iterator[tuple[bytes, memoryview]], file_bytes: int) -> dict[str, np.ndarray]:
    """V1: every value is a SavedTensorSlices; the header lists the tensors, each other value has one."""
    listed = {}
    for saved in _fields(_message(header, 1), leveldb.MOST_ENTRIES).get(1, []):
        meta = _fields(_as_message(saved))
        listed[_text(_message(meta, 1))] = (_number(meta, 3), _shape(_message(meta, 2)))
    tensors, used = {}, 0
    for _, value in entries:
        slices = _fields(_message(_fields(value), 2))
        name = _text(_message(slices, 1))
        if name not in listed or name in tensors:
            raise DamagedTableError(f"tensor {name!r} is not listed once")
        kind, shape = listed[name]
        used += len(value)
        if used > file_bytes:
            raise DamagedTableError("its tensors share their bytes")
        if kind != TEXT:
            tensors[name] = _v1_tensor(name, kind, shape, _message(slices, 3))
    absent = [name for name, (kind, _) in listed.items() if kind != TEXT and name not in tensors]
    if absent:
        raise DamagedTableError(f"the data of {len(absent)} tensors is missing, first {absent[0]!r}")
    return tensors


def _v1_tensor(name: str, kind: int, shape: tuple[int, ...], data: memoryview) -> np.ndarray:
    field = V1_FIELDS.get(kind)
    if field is None:
        raise DamagedTableError(f"tensor {name!r} is of type {kind}, which is not read from V1 files")
    values = _fields(data).get(field, [])
    packed = _as_message(values[0]) if len(values) == 1 else memoryview(b"")
    if field in FIXED:
        return _array(name, packed, FIXED[field], shape)
    if len(packed) > MOST_VARINT_BYTES:
        raise DamagedTableError(f"tensor {name!r} has more integers than expected in a network")
    numbers, position = [], 0
    while position < len(packed):
        number, position = varint(packed, position)
        numbers.append(number)
    if len(numbers) != math.prod(shape):
        raise DamagedTableError(f"tensor {name!r} of shape {list(shape)} has {len(numbers)} values")
    return np.array(numbers, np.uint64).astype(DTYPES[kind]).reshape(shape)  # negative ones wrap around


def _read_v2(header: Fields, entries: Iterator[tuple[bytes, memoryview]], prefix: Path) -> dict[str, np.ndarray]:
    """V2: every value is a BundleEntryProto that says which bytes of which data file are the tensor."""
    if _number(header, 2) != 0:
        raise DamagedTableError("it was written on a big-endian machine")
    n_shards = _number(header, 1)
    shards: dict[int, memoryview] = {}
    tensors, used = {}, 0
    for key, value in entries:
        name, entry = _text(memoryview(key)), _fields(value)
        kind, shard = _number(entry, 1), _number(entry, 3)
        if kind == TEXT:
            continue
        if kind not in DTYPES or 7 in entry:
            what = "stored in parts (a partitioned variable)" if 7 in entry else f"of a type that is not read, {kind}"
            raise DamagedTableError(f"tensor {name!r} is {what}")
        if name in tensors or shard >= n_shards:
            raise DamagedTableError(f"tensor {name!r} is listed twice or in the absent data file {shard}")
        if shard not in shards:
            shards[shard] = leveldb.mapped(Path(f"{prefix}.data-{shard:05d}-of-{n_shards:05d}"))
        data = piece(shards[shard], _number(entry, 4), _number(entry, 5))
        used += len(data)
        if used > sum(len(content) for content in shards.values()):
            raise DamagedTableError("its tensors share their bytes")
        leveldb.check(data, _number(entry, 6))
        tensors[name] = _array(name, data, DTYPES[kind], _shape(_message(entry, 2)))
    return tensors


def _array(name: str, data: memoryview, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if math.prod(shape) * np.dtype(dtype).itemsize != len(data):
        raise DamagedTableError(f"tensor {name!r} of shape {list(shape)} has {len(data)} bytes")
    stored = np.frombuffer(data, "u1" if dtype == "?" else dtype)
    return stored.astype(np.dtype(dtype).newbyteorder("=")).reshape(shape)


def _fields(message: memoryview, most: int = MOST_FIELDS) -> Fields:
    """Return the fields of a protocol buffer: integers of variable or fixed size, or bytes after a length."""
    fields: Fields = {}
    position, count = 0, 0
    while position < len(message):
        count += 1
        if count > most:
            raise DamagedTableError("a message has too many fields")
        tag, position = varint(message, position)
        kind = tag & 7
        if kind == 0:
            content, position = varint(message, position)
        elif kind == 2:
            size, position = varint(message, position)
            content = piece(message, position, size)
            position += size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            content = int.from_bytes(piece(message, position, size), "little")
            position += size
        else:
            raise DamagedTableError("a message has a field of an unknown kind")
        fields.setdefault(tag >> 3, []).append(content)
    return fields


def _as_message(content: int | memoryview) -> memoryview:
    if isinstance(content, int):
        raise DamagedTableError("a message has a number where bytes belong")
    return content


def _message(fields: Fields, number: int) -> memoryview:
    """Return the last value of a field as bytes, empty if it is absent (as protocol buffers define it)."""
    return _as_message(fields.get(number, [memoryview(b"")])[-1])


def _number(fields: Fields, number: int) -> int:
    """Return the last value of a field as an integer, 0 if it is absent."""
    content = fields.get(number, [0])[-1]
    if not isinstance(content, int):
        raise DamagedTableError("a message has bytes where a number belongs")
    return content


def _text(content: memoryview) -> str:
    if len(content) > leveldb.LONGEST_KEY:
        raise DamagedTableError("the name of a tensor is too long")
    try:
        return bytes(content).decode()
    except UnicodeDecodeError as error:
        raise DamagedTableError("the name of a tensor is not text") from error


def _shape(message: memoryview) -> tuple[int, ...]:
    """Return the sizes in a TensorShapeProto."""
    shape = tuple(_number(_fields(_as_message(size)), 1) for size in _fields(message).get(2, []))
    if len(shape) > MOST_DIMENSIONS or math.prod(size or 1 for size in shape) >= 1 << 48:
        raise DamagedTableError(f"a tensor has the shape {list(shape)[:MOST_DIMENSIONS]}")
    return shape
