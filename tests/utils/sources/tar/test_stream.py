"""Lists, folders and tars at addresses: in memory, over HTTP with and without ranges of files, in S3."""

import gzip
import os

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from support.sources import http_server, refusal, s3_client, s3_server, tar_bytes, write_shard

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.inputs import collect

CLIPS = {"a.mp4": b"A" * 200_000, "b.mp4": b"B" * 70_000, "b.json": b'{"of": "b"}'}


def refs(**settings):
    return list(collect(RunConfig(**settings)).refs())


def contents(found):
    data = []
    for ref in found:
        with ref.media.open() as file:
            data.append(file.read())
    return data


@pytest.fixture
def memory(monkeypatch):
    """A file system in memory without what other tests of this process have left there."""
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])
    return fsspec.filesystem("memory")


def test_in_memory(memory):
    for name in ("videos/b/2.mp4", "videos/a/1.MP4", "videos/a/x.txt", "videos/a.mp4"):
        memory.pipe(f"/{name}", b"x")
    memory.pipe("/list.csv", b"path,start,end\nb/2.mp4,1,2\n")
    memory.pipe("/s-1.tar", tar_bytes(CLIPS))
    memory.pipe("/s-1.json", b'[{"filename": "a.mp4", "id": "A"}]')
    memory.pipe("/s-2.tar", b"garbage")
    assert [ref.name for ref in refs(input_dir="memory://videos")] == ["a/1", "a", "b/2"]
    (ref,) = refs(file_with_video_paths="memory:///list.csv", video_root="memory://videos")
    assert (ref.name, ref.start_s, contents([ref])) == ("b/2_1_2", 1.0, [b"x"])
    one, two, broken = refs(tar_path=["memory://s-*.tar"])
    assert (one.id.rpartition("/")[2], one.meta["id"], two.meta["json"]) == ("s-1.tar: a.mp4", "A", {"of": "b"})
    assert "s-2.tar: damaged at byte 7" in refusal(broken)[1]
    assert [ref.shard for ref in refs(tar_path=["memory:///s-{1..2}.tar"])] == ["s-1", "s-1", "s-2"]
    with pytest.raises(UserError, match="no such folder"):
        refs(input_dir="memory://absent")
    with pytest.raises(UserError, match="no such tar"):
        refs(tar_path=["memory:///absent-{0..3}.tar"])
    with pytest.raises(UserError, match="no such file"):
        refs(file_with_video_paths="memory://absent.txt")


@pytest.mark.parametrize("ranges", [True, False])
def test_over_http(tmp_path, ranges):
    (tmp_path / "list.txt").write_text("a.mp4\nb c.mp4\n")
    (tmp_path / "a.mp4").write_bytes(b"A" * 100)
    (tmp_path / "b c.mp4").write_bytes(b"BC")
    write_shard(tmp_path / "s-0.tar", CLIPS, [{"filename": "b.mp4", "id": "B"}])
    (tmp_path / "s-2.tar.gz").write_bytes(gzip.compress(tar_bytes(CLIPS)))
    with http_server(tmp_path, ranges=ranges) as address:
        found = refs(file_with_video_paths=f"{address}/list.txt", video_root=address)
        assert [ref.name for ref in found] == ["a", "b c"]
        found = refs(tar_path=[f"{address}/s-{{0..1}}.tar?token=secret", f"{address}/s-2.tar.gz"])
        clips = [ref for ref in found if not ref.refused]
        assert [ref.name for ref in found] == ["s-0/a", "s-0/b", "s-1", "s-2/a", "s-2/b"]
        assert contents(clips) == [CLIPS["a.mp4"], CLIPS["b.mp4"]] * 2
        assert [ref.data is None for ref in clips] == [ranges, ranges, False, False]
        assert found[0].id == f"{address}/s-0.tar?token=…: a.mp4"
        assert found[1].meta == {"filename": "b.mp4", "id": "B", "json": {"of": "b"}}
        assert found[2].refused == ("skipped", f"{address}/s-1.tar?token=…: no such tar")
        if ranges:
            assert [ref.shard for ref in refs(tar_path=[f"{address}/s-*.tar"])] == ["s-0", "s-0"]


def test_in_s3(tmp_path, monkeypatch):
    with s3_server() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        client = s3_client(environment)
        files = {"videos/x/1.mp4": b"1", "videos/2.mp4": b"2", "list.jsonl": b'{"path": "x/1.mp4"}\n'}
        files |= {f"shards/s-{number}.tar": tar_bytes(CLIPS) for number in range(2)}
        files["shards/s-0.json"] = b'[{"filename": "a.mp4", "id": "A"}]'
        for name, data in files.items():
            client.put_object(Bucket="bucket", Key=name, Body=data)
        found = refs(input_dir="s3://bucket/videos")
        assert [(ref.name, ref.path) for ref in found] == [
            ("2", "s3://bucket/videos/2.mp4"),
            ("x/1", "s3://bucket/videos/x/1.mp4"),
        ]
        assert contents(found) == [b"2", b"1"]
        (ref,) = refs(file_with_video_paths="s3://bucket/list.jsonl", video_root="s3://bucket/videos")
        assert contents([ref]) == [b"1"]
        found = refs(tar_path=["s3://bucket/shards/s-?.tar", "s3://bucket/shards/s-7.tar"])
        assert [ref.name for ref in found] == ["s-0/a", "s-0/b", "s-1/a", "s-1/b", "s-7"]
        assert contents(found[:4]) == [CLIPS["a.mp4"], CLIPS["b.mp4"]] * 2
        assert (found[0].meta["id"], refusal(found[4])[0]) == ("A", "skipped")
        with pytest.raises(UserError, match="no such folder"):
            refs(input_dir="s3://bucket/absent")


def test_an_unknown_kind_of_address_is_refused():
    with pytest.raises(UserError, match=r"nosuch://x/list\.txt"):
        refs(file_with_video_paths="nosuch://x/list.txt")
    with pytest.raises(UserError, match="nosuch://"):
        refs(tar_path=["nosuch://x/*.tar"])
    assert "AWS_SECRET_ACCESS_KEY" not in os.environ
