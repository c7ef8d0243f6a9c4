"""Entries of --tar_path: patterns, missing and finished shards, names that clash."""

import pytest
from support.sources import CLIPS, shard_refs, write_shard

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.inputs import collect, never


def test_missing_shards_are_skipped_and_finished_ones_not_opened(tmp_path):
    for number in (0, 2):
        write_shard(tmp_path / f"shard-{number:06d}.tar", {f"{number}.mp4": b"x"})
    (tmp_path / "shard-000001.json").write_text('[{"filename": "1.mp4"}]')
    pattern = tmp_path / "shard-{000000..000002}.tar"
    found = shard_refs(pattern)
    assert [ref.name for ref in found] == ["shard-000000/0", "shard-000001", "shard-000002/2"]
    assert found[1].refused == ("skipped", f"{tmp_path}/shard-000001.tar: no such tar")
    (tmp_path / "shard-000000.tar").write_bytes(b"garbage, which is not read")
    asked = []

    def is_done(path):
        asked.append(path)
        return path.endswith("0.tar")

    assert [ref.name for ref in shard_refs(pattern, is_done)] == ["shard-000001", "shard-000002/2"]
    assert asked == [f"{tmp_path}/shard-{number:06d}.tar" for number in range(3)]
    inputs = collect(RunConfig(tar_path=[str(pattern)]))
    assert list(inputs.refs(lambda _: True)) == []
    assert len(list(inputs.listed())) == 3


def test_patterns(tmp_path):
    for name in ("b/s-10.tar", "b/s-2.tar", "a/s-1.tar", "odd{1.tar", "x[1].tar"):
        write_shard(tmp_path / name, {"v.mp4": b"x"})
    assert [ref.shard for ref in shard_refs(tmp_path / "*" / "s-*.tar")] == ["s-1", "s-10", "s-2"]
    assert [ref.shard for ref in shard_refs(tmp_path / "{b,a}" / "s-?.tar")] == ["s-2", "s-1"]
    assert [ref.shard for ref in shard_refs([tmp_path / "odd{1.tar", tmp_path / "x[1].tar"])] == ["odd{1", "x[1]"]
    twice = [tmp_path / "b" / "s-2.tar", tmp_path / "b" / "s-*.tar"]
    assert [ref.shard for ref in shard_refs(twice)] == ["s-2", "s-10"]
    assert shard_refs(f"file://{tmp_path}/b/s-2.tar")[0].shard == "s-2"
    write_shard(tmp_path / "c" / "s-2.tar", {"v.mp4": b"x"})
    for pattern, words in (
        ([tmp_path / "b/s-2.tar", tmp_path / "c/s-2.tar"], r"b/s-2\.tar and .*c/s-2\.tar are both called 's-2'"),
        (tmp_path / "none-*.tar", "no tar matches"),
        (tmp_path / "none-{0..3}.tar", "no such tar"),
        (tmp_path / "s-{0..3.tar", "its braces do not match"),
        (tmp_path / "s-{0..99999999999}.tar", "more than 1000000 shards"),
        (tmp_path / "{0..9999}{0..9999}.tar", "more than 1000000 shards"),
    ):
        with pytest.raises(UserError, match=words):
            shard_refs(pattern)


def test_a_folder_or_pipe_called_tar_is_refused(tmp_path):
    (tmp_path / "s.tar").mkdir()
    (ref,) = shard_refs(tmp_path / "s.tar")
    assert ref.refused == ("failed", f"{tmp_path}/s.tar: cannot be read (not a regular file)")


def test_paths_and_tars_in_one_command_keep_their_names_apart(tmp_path):
    path = write_shard(tmp_path / "s.tar", CLIPS)
    found = list(collect(RunConfig(video_paths=["s.mp4"], tar_path=[str(path)])).refs())
    assert [ref.name for ref in found] == ["s", "s/a", "s/sub/b", "s/c.d"]
    with pytest.raises(UserError, match="would both write outputs called 's/a'"):
        collect(RunConfig(video_paths=["s/a.mp4"], video_root=str(tmp_path), tar_path=[str(path)]))


def test_shards_without_problems_are_named(tmp_path):
    path = write_shard(tmp_path / "s.tar", CLIPS, [])
    about = [str(path), str(tmp_path / "s.json")]

    def read_well(*damage, done=never):
        for damaged, content in damage:
            damaged.write_bytes(content)
        inputs = collect(RunConfig(tar_path=[str(path)]))
        refs = inputs.refs(done)
        next(refs, None)
        assert done is not never or list(inputs.read_well()) == []
        list(refs)
        return list(inputs.read_well())

    assert read_well() == about
    assert read_well(done=lambda _: True) == about
    assert read_well((path.with_suffix(".json"), b"{")) == about[:1]
    assert read_well((path, b"damaged")) == []
