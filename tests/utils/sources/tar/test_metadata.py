"""The metadata file of a shard: matched to clips, missing, malformed."""

import errno
import os

import pytest
from support.sources import CLIPS, good, reasons, refusal, shard_refs, write_shard

from utils.sources.tar import metadata as metadata_module


def test_metadata_of_a_shard(tmp_path):
    metadata = [
        {"filename": "a.mp4", "id": "AAA", "segment": [3, 13], "extra": {"views": 5}},
        {"filename": "c.d", "id": "CCC", "segment": [0, 10]},
        {"filename": "gone.mp4", "id": "GGG", "segment": [1, 11]},
    ]
    path = write_shard(tmp_path / "shard-000.tar", CLIPS, metadata)
    found = shard_refs(path)
    assert [ref.meta.get("id") for ref in found] == ["AAA", None, "CCC", "GGG"]
    assert found[0].meta == metadata[0]
    assert (found[0].start_s, found[0].end_s) == (None, None)  # where the clip was cut from: it is not cut again
    assert found[1].meta == {"note": "not listed in shard-000.json"}
    status, reason = refusal(found[3])
    assert status == "failed"
    assert reason == f"{path}: gone.mp4: listed in {tmp_path}/shard-000.json but not in the tar"
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "shard-000.json").write_text('[{"filename": "a.mp4", "id": "other"}]')
    assert shard_refs(path, meta_path=str(tmp_path / "meta"))[0].meta["id"] == "other"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ('{"filename": "a.mp4"}', "an object, not a list"),
        ("[" * 100_000, "not JSON"),
        ('[3, {"filename": "a.mp4", "id": "AAA"}]', "entry 0 has no filename"),
        ('[{"filename": "a.mp4", "id": "AAA"}, {"filename": "a.mp4"}, {}]', "entry 1 names 'a' again, and 1 more"),
        ('"text"', "a text, not a list"),
        ("\xff", "not JSON"),
    ],
)
def test_malformed_metadata_is_reported_once_and_the_clips_are_extracted(tmp_path, text, words):
    path = write_shard(tmp_path / "shard-000.tar", CLIPS)
    path.with_suffix(".json").write_bytes(text.encode("latin-1"))
    found = shard_refs(path)
    assert len(good(found)) == 3
    ((status, reason),) = reasons(found)
    assert status == "failed"
    assert words in reason
    assert found[0].id == str(path.with_suffix(".json"))


def test_a_disk_that_fails_is_no_missing_metadata(tmp_path, monkeypatch):
    path = write_shard(tmp_path / "shard-000.tar", CLIPS, [{"filename": "a.mp4", "id": "AAA"}])

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(metadata_module, "open", fail, raising=False)
    (only,) = shard_refs(path)  # no clip is extracted without its metadata
    assert only.refused is not None and only.refused[0] == "failed"
    assert only.refused[1].startswith(f"{path}: cannot be read") and "Input/output error" in only.refused[1]
    monkeypatch.undo()
    assert shard_refs(path)[0].meta["id"] == "AAA"
