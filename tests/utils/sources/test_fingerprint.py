"""Fingerprints of inputs: the keys that each kind has in a manifest, and when two are equal."""

import json
import threading
from pathlib import Path
from typing import Any

import fsspec
import pytest

from utils.sources.fingerprint import Fingerprint, fingerprint
from utils.sources.ref import VideoRef

SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"abc")
    return path


def ref(path: Path | str, **fields: Any) -> VideoRef:
    return VideoRef("a", "a", str(path), **fields)


def test_the_json_of_each_kind_of_input(path: Path) -> None:
    seen = {"path": str(path), "bytes": 3, "mtime_ns": path.stat().st_mtime_ns}
    member = {"member": "x.mp4", "offset": 512}
    fsspec.filesystem("memory").pipe("/fingerprint/a.mp4", b"abcd")
    expected = {
        ref(path): seen,
        ref(path, start_s=1.5): seen | {"segment": [1.5, None]},
        ref(path, size=2, **member): seen | member | {"bytes": 2},
        ref(path, data=b"abc"): {"path": str(path), "bytes": 3, "sha256": SHA256_OF_ABC},
        ref(path, data=b"abc", **member): {"path": str(path), **member, "bytes": 3, "sha256": SHA256_OF_ABC},
        ref("absent.mp4"): {"path": "absent.mp4", "folder": str(Path.cwd()), "bytes": None, "mtime_ns": None},
        ref("nosuch://u:p@host/a"): {"path": "nosuch://host/a", "bytes": None, "stamp": None},
        ref("memory://fingerprint/a.mp4"): {"path": "memory://fingerprint/a.mp4", "bytes": 4, "stamp": None},
    }
    for video, about in expected.items():
        found = fingerprint(video)
        assert found.to_json() == about
        assert Fingerprint.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_relative_path_has_the_folder_that_it_counts_from(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    here = fingerprint(ref("a.mp4"))
    assert (here.path, here.folder, here.place) == ("a.mp4", str(path.parent), str(path))
    assert fingerprint(ref(path)).folder == fingerprint(ref("a set, row 0", data=b"abc")).folder == ""
    monkeypatch.chdir("/")
    moved = Fingerprint.from_json({"path": "a.mp4", "bytes": 3, "mtime_ns": path.stat().st_mtime_ns})
    assert here == moved and moved.folder == ""  # as of a data set that was moved with its list


def test_a_file_that_was_not_inspected_has_only_its_path() -> None:
    hung = Fingerprint("a.mp4", inspected=False)
    assert hung.to_json() == {"path": "a.mp4", "bytes": None}
    assert Fingerprint.from_json(hung.to_json()) == hung


def test_another_content_or_segment_is_another_fingerprint(path: Path) -> None:
    first = fingerprint(ref(path))
    assert first == fingerprint(ref(path))
    assert first != fingerprint(ref(path, end_s=2.0))
    path.write_bytes(b"abcd")
    assert first != fingerprint(ref(path))


def test_a_store_that_raises_an_error_of_its_library_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []

    def info(*_: Any) -> Any:
        raise LookupError("Unable to locate credentials")  # as botocore's, a kind of Exception alone

    monkeypatch.setattr(threading, "excepthook", shown.append)
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "info", info)
    assert fingerprint(ref("memory://fingerprint/a.mp4")) == Fingerprint("memory://fingerprint/a.mp4")
    assert shown == []
