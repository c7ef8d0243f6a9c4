"""The clips of a tar: which members they are, what is known about them, and which members are refused."""

import gzip
import random
import tarfile

import pyarrow as pa
import pytest
from support.sources import CLIPS, content, good, reasons, shard_refs, tar_bytes, write_shard, written_refs

from utils.config.run import RunConfig
from utils.sources.inputs import collect


def special(name, kind, linkname=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, linkname
    return info, b""


def test_clips_are_read_in_place(tmp_path):
    path = write_shard(tmp_path / "shard-000.tar", {"readme.md": b"no clip", **CLIPS})
    found = shard_refs(path)
    assert [ref.name for ref in found] == ["shard-000/a", "shard-000/sub/b", "shard-000/c.d"]
    assert [ref.id for ref in found] == [f"{path}: {name}" for name in CLIPS]
    assert [content(ref) for ref in found] == list(CLIPS.values())
    assert all(ref.shard == "shard-000" and ref.path == str(path) and ref.data is None for ref in found)
    assert found[0].meta == {"note": "no shard-000.json"}
    inputs = collect(RunConfig(tar_path=[str(path)]))
    assert inputs.total is None
    assert inputs.roots == (tmp_path,)
    assert list(inputs.refs()) == list(inputs.refs()) == list(inputs.listed())


def test_of_clips_with_one_output_name_the_second_is_refused(tmp_path, monkeypatch):
    path = write_shard(tmp_path / "s.tar", {"a.mp4": b"1", "A.mp4": b"2"})
    assert len(good(shard_refs(path, on_extraction="save_numpy", output_path=str(tmp_path)))) == 2
    monkeypatch.setattr("utils.sources.inputs.same_names", lambda _path: str.casefold)  # as on a Mac
    first, second = shard_refs(path, on_extraction="save_numpy")
    assert first.refused is None and second.refused is not None
    assert second.refused[1].endswith("A.mp4: a.mp4 has the same output name; rename one of them")


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.zst", ".tar"])
def test_a_compressed_tar_is_recognized_by_content_and_read_as_a_stream(tmp_path, suffix):
    plain = tar_bytes([("a.json", b'{"late": 0}'), *CLIPS.items(), ("c.txt", b"text of c\n"), ("sub/b.json", b"[1]")])
    path = tmp_path / f"shard-1{suffix}"
    path.write_bytes(pa.compress(plain, "zstd", asbytes=True) if "zst" in suffix else gzip.compress(plain))
    found = shard_refs(path)
    assert [ref.name for ref in found] == ["shard-1/a", "shard-1/sub/b", "shard-1/c.d"]
    assert [ref.data for ref in found] == [content(ref) for ref in found] == list(CLIPS.values())
    assert [ref.meta.get("json", ref.meta.get("txt")) for ref in found] == [{"late": 0}, [1], "text of c"]
    listed = collect(RunConfig(tar_path=[str(path)])).listed()
    assert [(ref.id, ref.data) for ref in listed] == [(ref.id, None) for ref in found]


def test_sidecars_of_the_full_stem_or_of_webdatasets_key(tmp_path):
    members = {
        "a.txt": b"of a", "x/a.json": b'{"of": "x"}', "b.rgb.mp4": b"1", "b.depth.mp4": b"2", "b.json": b"{}",
        "a.mp4": b"3", "b.rgb.json": b'{"own": 1}', "bad.mp4": b"4", "bad.json": b"{", "._a.mp4": b"of macOS",
    }  # fmt: skip
    found = {ref.name: ref.meta for ref in shard_refs(write_shard(tmp_path / "s.tar", members))}
    assert list(found) == ["s/b.rgb", "s/b.depth", "s/a", "s/bad"]
    assert found["s/a"]["txt"] == "of a"
    assert "json" not in found["s/a"]
    assert found["s/b.rgb"]["json"] == {"own": 1}
    assert found["s/b.depth"]["json"] == {}
    assert "not JSON" in found["s/bad"]["json"]


def test_one_name_twice_is_extracted_once(tmp_path):
    path = write_shard(tmp_path / "s.tar", [("a.mp4", b"1"), ("a.mp4", b"2"), ("./a.mp4", b"3"), ("a.mkv", b"4")])
    found = shard_refs(path)
    assert [content(ref) for ref in good(found)] == [b"1"]
    assert [status for status, _ in reasons(found)] == ["failed"] * 3
    assert "in the tar twice" in reasons(found)[0][1]
    assert "a.mp4 has the same output name" in reasons(found)[2][1]
    assert len({ref.id for ref in found}) == len({ref.name for ref in found}) == 4


def test_links_devices_and_sparse_members_are_refused_and_folders_ignored(tmp_path):
    sparse = tarfile.TarInfo("pax-sparse.mp4")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "sparse.mp4"}
    members = [
        special("folder.mp4", tarfile.DIRTYPE),
        special("sym.mp4", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard.mp4", tarfile.LNKTYPE, "a.mp4"),
        special("device.mp4", tarfile.CHRTYPE),
        special("pipe.mp4", tarfile.FIFOTYPE),
        special("old-sparse.mp4", tarfile.GNUTYPE_SPARSE),
        (sparse, b"1\n0\n5\n"),
        special("link.txt", tarfile.SYMTYPE, "/etc/passwd"),
        ("a.mp4", b"A"),
    ]
    found = shard_refs(write_shard(tmp_path / "s.tar", members))
    assert [ref.name for ref in good(found)] == ["s/a"]
    assert [reason.split(": ", 2)[1].split()[0] for _, reason in reasons(found)] == [
        "sym.mp4", "hard.mp4", "device.mp4", "pipe.mp4", "old-sparse.mp4", "sparse.mp4",
    ]  # fmt: skip


def test_member_names_cannot_lead_outside_the_output_folder(tmp_path):
    names = ["../../../etc/x.mp4", "/abs/y.mp4", "a\\..\\z.mp4", "C:/w.mp4", "x" * 5000 + ".mp4", "nul\x01.mp4"]
    found = shard_refs(write_shard(tmp_path / "s.tar", [(name, b"x") for name in names]))
    assert len(good(found)) == len(names)
    for ref in found:
        assert ref.name.startswith("s/")
        assert ".." not in ref.name.split("/")
        assert max(map(len, ref.name.split("/"))) <= 190


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_tar_that_is_cut_off_keeps_the_clips_before(tmp_path, suffix):
    noise = random.Random(0)
    clips = {f"{i}.mp4": noise.randbytes(300_000) for i in range(5)}
    plain = tar_bytes(clips)
    packed = gzip.compress(plain) if suffix == ".gz" else pa.compress(plain, "zstd", asbytes=True)
    found = written_refs(tmp_path, packed[: len(packed) // 2])
    assert len(good(found)) == 2
    assert [ref.data for ref in good(found)] == list(clips.values())[:2]
    ((status, reason),) = reasons(found)
    assert status == "failed"
    assert "shard-000.tar: damaged at byte" in reason
