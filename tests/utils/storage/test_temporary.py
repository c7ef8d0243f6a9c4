"""Copies in the temporary folder are bounded by size and by the room there."""

import errno
import io
import shutil
from types import SimpleNamespace

import pytest

from utils.storage import temporary
from utils.storage.temporary import NoRoomError, TooLargeError, check_room, copied


def disk(free: int) -> SimpleNamespace:
    return SimpleNamespace(total=100 << 30, used=0, free=free)


def test_a_copy_has_the_same_bytes_and_can_seek() -> None:
    data = bytes(range(256)) * 20000
    with copied(io.BytesIO(data).read, len(data)) as copy:
        assert copy.read() == data
        assert copy.seek(5) == 5


def test_what_never_ends_is_given_up() -> None:
    with pytest.raises(TooLargeError, match="more than 10,000,000 bytes"):
        copied(bytes, 10_000_000)


def test_room_is_left_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "CHECK_EVERY", 1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: disk((1 << 30) - 1))
    with pytest.raises(NoRoomError, match="set TMPDIR"):
        copied(bytes, 1 << 40)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: disk(3 << 30))
    check_room(2 << 30)
    with pytest.raises(NoRoomError):
        check_room(3 << 30)


def test_a_full_disk_has_the_same_remedy() -> None:
    def full(_size: int) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoRoomError, match="set TMPDIR"):
        copied(full, 1 << 40)
