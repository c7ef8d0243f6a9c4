"""The members of a tar, read from its headers: in constant memory, from a file or a stream, up to any damage.

tarfile ends silently at a damaged header, and reads as much into memory as an extended header claims.
"""

import tarfile
from collections.abc import Iterator
from typing import NamedTuple

from utils.sources.tar.stream import DamagedTarError, TarStream

BLOCK = 512
ZEROS = bytes(BLOCK)
LONGEST_HEADER = 1 << 20  # bytes of a long name, or of the pax records of a member
FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
WITHOUT_DATA = (*LINKS, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
MORE_HEADERS = (*PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
SPARSE_MORE, SPARSE_MORE_NEXT = 482, 504  # positions in GNU sparse headers of the flag that another block follows


class Member(NamedTuple):
    """One member: the bytes [offset, offset + size) of the tar, or of its content if it is compressed.

    kind: file, link, sparse, folder or other.
    """

    name: str
    offset: int
    size: int
    kind: str


class _Extension(NamedTuple):
    """What extended headers say about the member after them."""

    name: str | None = None
    size: int | None = None
    is_sparse: bool = False


NOTHING = _Extension()


def walk(tar: TarStream) -> Iterator[Member]:
    """Yield the members in order; the data of each may be read before the next one is asked for.

    Raises:
        DamagedTarError: the tar is cut off or is not a tar; the members before the damage were yielded.
    """
    position = 0
    extension = NOTHING
    while True:
        header = _header(tar, position)
        if header is None:
            if extension is not NOTHING:
                raise DamagedTarError(position, "it ends where a member should follow")
            return
        info, block = header
        data = position + BLOCK
        if info.type in MORE_HEADERS:
            extension = _extended(info, _payload(tar, data, info.size), data, extension)
            position = data + _padded(info.size)
            continue
        is_sparse = info.type == tarfile.GNUTYPE_SPARSE
        if is_sparse:
            data = _after_sparse_map(tar, block, data)
        size = 0 if info.type in WITHOUT_DATA else info.size if extension.size is None else extension.size
        kind = "sparse" if is_sparse or extension.is_sparse else _kind(info)
        name = info.name if extension.name is None else extension.name
        if tar.size is not None and data + size > tar.size:
            raise DamagedTarError(tar.size, f"it is cut off within {name!r}")
        yield Member(name, data, size, kind)
        position, extension = data + _padded(size), NOTHING


def _header(tar: TarStream, position: int) -> tuple[tarfile.TarInfo, bytes] | None:
    """Return the header at a position, None for the end-of-archive mark."""
    if not tar.go_to(position):
        raise DamagedTarError(tar.position if tar.size is None else tar.size, "it is cut off within a member's data")
    block = tar.read(BLOCK)
    if block == ZEROS:
        return None
    if len(block) < BLOCK:
        where = "within a header" if block else "or was never finished: the end-of-archive mark is missing"
        raise DamagedTarError(position + len(block), f"it is cut off {where}")
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise DamagedTarError(position, f"there is no tar header ({error})") from error
    if info.size < 0:
        raise DamagedTarError(position, f"a header says {info.size} bytes")
    return info, block


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _kind(info: tarfile.TarInfo) -> str:
    if info.type in FILES:
        return "file"
    if info.type in LINKS:
        return "link"
    return "folder" if info.type == tarfile.DIRTYPE else "other"


def _payload(tar: TarStream, position: int, size: int) -> bytes:
    if size > LONGEST_HEADER:
        raise DamagedTarError(position, f"a header claims {size} bytes for a name or its records")
    payload = tar.read(size)
    if len(payload) < size:
        raise DamagedTarError(position + len(payload), "it is cut off within a header")
    return payload


def _extended(info: tarfile.TarInfo, payload: bytes, position: int, before: _Extension) -> _Extension:
    """Return `before` updated by another extended header."""
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return before._replace(name=payload.partition(b"\0")[0].decode("utf-8", "surrogateescape"))
    if info.type not in PAX:
        return before._replace()  # a long link target, or records for all members: not used
    records = _pax_records(payload, position)
    is_sparse = before.is_sparse or any(key.startswith(b"GNU.sparse") for key in records)
    name = records.get(b"GNU.sparse.name", records.get(b"path"))
    size = records.get(b"size")
    if size is not None and not (size.isdigit() and len(size) < 20):
        raise DamagedTarError(position, "the size in a header is not a number")
    return _Extension(
        before.name if name is None else name.decode("utf-8", "surrogateescape"),
        before.size if size is None else int(size),
        is_sparse,
    )


def _pax_records(payload: bytes, position: int) -> dict[bytes, bytes]:
    """Return the records of a pax header: "LENGTH KEY=VALUE\\n", where LENGTH is that of the whole record."""
    records: dict[bytes, bytes] = {}
    start = 0
    while start < len(payload) and payload[start] != 0:
        digits = payload[start : start + 20].partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) < 20 else 0
        record = payload[start + len(digits) + 1 : start + length]
        if (
            length <= len(digits) + 1
            or start + length > len(payload)
            or not record.endswith(b"\n")
            or b"=" not in record
        ):
            raise DamagedTarError(position + start, "the records in a header are malformed")
        key, _, value = record[:-1].partition(b"=")
        records[key] = value
        start += length
    return records


def _after_sparse_map(tar: TarStream, block: bytes, position: int) -> int:
    """Return where the data of a GNU sparse member starts: after further blocks of its header."""
    more = block[SPARSE_MORE]
    while more:
        block = tar.read(BLOCK)
        if len(block) < BLOCK:
            raise DamagedTarError(position + len(block), "it is cut off within a header")
        position += BLOCK
        more = block[SPARSE_MORE_NEXT]
    return position
