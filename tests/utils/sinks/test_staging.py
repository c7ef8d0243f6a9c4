"""Staged videos: what is left of them."""

import pytest
from support.sinks import make_sink, merged, record, videos

from utils.sinks import staging
from utils.sinks.staging import tidy_staging
from utils.storage.folder import LocalFolder


def test_nothing_is_left_of_staged_videos(tmp_path):
    folder = LocalFolder(tmp_path)
    merged("save_h5", folder, videos())
    tidy_staging(folder)
    folder.tidy()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["features.h5", "features.h5.json"]


def test_a_description_nested_too_deep_is_damage(tmp_path, monkeypatch):
    folder = LocalFolder(tmp_path)
    monkeypatch.setattr(staging.json, "dumps", lambda _: "[" * 100_000)
    (output,) = make_sink("save_h5", folder).write(record())
    with pytest.raises(staging.DAMAGE, match="nested too deep"), staging.opened(folder, output):
        pass
