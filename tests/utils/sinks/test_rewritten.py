import os
import zlib

from utils.sinks import rewritten
from utils.storage.local import LocalFolder


def test_a_changed_file_is_noticed(tmp_path):
    folder, path = LocalFolder(tmp_path), tmp_path / "all.h5"
    path.write_bytes(b"merged")
    assert not rewritten.is_as_left(folder, "all.h5")  # nothing is known
    assert not rewritten.is_damaged(folder, "all.h5")
    rewritten.note(folder, "all.h5", zlib.crc32(b"merged"))
    assert rewritten.is_as_left(folder, "all.h5") and rewritten.is_as_left(folder, "all.h5", verify=True)
    os.utime(path, (1, 1))  # copied: another time, the same bytes
    assert rewritten.is_as_left(folder, "all.h5")
    path.write_bytes(b"marged")
    assert not rewritten.is_as_left(folder, "all.h5") and rewritten.is_damaged(folder, "all.h5")
    rewritten.forget(folder, "all.h5")
    assert rewritten.noted(folder, "all.h5") is None


def test_without_a_checksum_only_size_and_time_tell(tmp_path):
    folder, path = LocalFolder(tmp_path), tmp_path / "all.pkl"
    path.write_bytes(b"merged")
    rewritten.note(folder, "all.pkl")
    assert rewritten.is_as_left(folder, "all.pkl") and not rewritten.is_as_left(folder, "all.pkl", verify=True)
    (tmp_path / rewritten.FOLDER / "all.pkl.json").write_text('{"bytes": ')
    assert not rewritten.is_as_left(folder, "all.pkl")
