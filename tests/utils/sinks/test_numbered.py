"""Numbered files: how many videos each takes, and which numbers are used."""

import pytest
from support.sinks import merge, merged, record, staged_lines, videos

from utils.sinks import numbered
from utils.storage.folder import LocalFolder

NUMBERED = {"save_parquet": ".parquet", "save_webdataset": ".tar"}


@pytest.mark.parametrize("kind", NUMBERED)
def test_files_are_split_and_numbered_on(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(numbered, "FILE_VIDEOS", 2)
    folder = LocalFolder(tmp_path)
    first = merged(kind, folder, videos(3))
    files = [new.outputs[0].file for new in first]
    assert files == [f"features-00000{i}{NUMBERED[kind]}" for i in (0, 0, 1)]
    (tmp_path / f"features-000007{NUMBERED[kind]}").write_bytes(b"of a run that was killed")
    (new,) = merged(kind, folder, [record("new")], {"features-000001" + NUMBERED[kind], files[0]})
    assert new.outputs[0].file == f"features-000002{NUMBERED[kind]}"
    assert sorted(path.name for path in tmp_path.glob("features*")) == sorted({*files, new.outputs[0].file})


@pytest.mark.parametrize("kind", NUMBERED)
def test_a_file_takes_a_limited_number_of_bytes(tmp_path, monkeypatch, kind):
    folder = LocalFolder(tmp_path)
    lines = staged_lines(kind, folder, videos(4))
    monkeypatch.setattr(numbered, "FILE_BYTES", (1 + 2) * 4 * 4)  # of the first two
    assert len({new.outputs[0].file for new in merge(kind, folder, lines, set())}) == 3
