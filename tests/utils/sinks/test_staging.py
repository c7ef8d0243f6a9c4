"""Staged videos: what is left of them."""

from support.sinks import merged, videos

from utils.sinks.staging import tidy_staging
from utils.storage.folder import LocalFolder


def test_nothing_is_left_of_staged_videos(tmp_path):
    folder = LocalFolder(tmp_path)
    merged("save_h5", folder, videos())
    tidy_staging(folder)
    folder.tidy()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["features.h5", "features.h5.json"]
