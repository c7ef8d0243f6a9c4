"""Output folders at addresses, whose files cannot grow."""

import pickle
import uuid

import pytest

from utils.errors import RunError
from utils.storage import remote
from utils.storage.remote import RemoteFolder


@pytest.fixture
def url() -> str:
    return f"memory://{uuid.uuid4().hex}/out"


def lines(folder: RemoteFolder, position: dict[str, int] | None = None) -> list[bytes]:
    return [line for _, line in folder.tail("lines", position)[0]]


def test_appended_lines_fill_segments_of_each_process(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SEGMENT_BYTES", 12)
    one, other = RemoteFolder(url), RemoteFolder(url)
    for i in range(5):
        one.append("lines", b"one %d\n" % i)
    other.append("lines", b"other\n")
    sizes = [one.size(name) for name in one.names("lines.d/")]
    assert sorted(filter(None, sizes)) == [6, 6, 12, 12]
    assert sorted(lines(one)) == [*(b"one %d\n" % i for i in range(5)), b"other\n"]
    _, position = one.tail("lines", None)
    one.append("lines", b"new\n")
    assert lines(other, position) == [b"new\n"]
    with one.whole("lines") as file:  # of a local folder that was copied here
        file.write(b"copied\n")
    assert b"copied\n" in lines(one) and len(lines(one)) == 8


def test_a_folder_reaches_another_process_without_its_unfinished_segment(url: str) -> None:
    folder = RemoteFolder(url)
    folder.append("lines", b"mine\n")
    again = pickle.loads(pickle.dumps(folder))
    again.append("lines", b"theirs\n")
    assert sorted(lines(folder)) == [b"mine\n", b"theirs\n"]


def test_a_store_without_atomic_files_gets_them_by_a_move(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ATOMIC", set())
    folder, opened, moved = RemoteFolder(url), [], []
    filesystem = folder._filesystem
    open_, move = filesystem.open, filesystem.mv
    monkeypatch.setattr(filesystem, "open", lambda path, *rest: (opened.append(path), open_(path, *rest))[1])
    monkeypatch.setattr(filesystem, "mv", lambda old, new: (moved.append((old, new)), move(old, new))[1])
    with folder.whole("a/x.bin") as file:
        file.write(b"123")
    assert moved == [(opened[0], f"{folder._path}/a/x.bin")] and opened[0].endswith(".featmill")
    assert list(folder.names("a/")) == ["a/x.bin"] and folder.size("a/x.bin") == 3


def test_errors_of_any_type_name_the_file_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RemoteFolder("memory://user:secret@host/out")

    def fail(*_: object, **__: object) -> None:
        raise LookupError("https://user:secret@host: 503")

    monkeypatch.setattr(folder._filesystem, "pipe_file", fail)
    words = r"/claims/x: cannot be accessed \(.*503\); check the address, .*, then run the same command"
    with pytest.raises(RunError, match=words) as caught:
        folder.create("claims/x", b"mine")
    assert "secret" not in str(caught.value)
