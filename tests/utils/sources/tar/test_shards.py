"""Tar shards: which clips, what is known of them, and what is said of damaged and missing ones."""

import gzip
import io
import json
import tarfile

import pyarrow as pa
import pytest
from support.sources import tar_bytes, write_shard

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.inputs import collect, never

CLIPS = {"a.mp4": b"A" * 700, "sub/b.MP4": b"B" * 1500, "c.d.mkv": b"C" * 3}


def refs(tar_path, shard_done=never, **settings):
    paths = [str(path) for path in (tar_path if isinstance(tar_path, list) else [tar_path])]
    return list(collect(RunConfig(tar_path=paths, **settings), shard_done))


def good(found):
    return [ref for ref in found if ref.refused is None]


def reasons(found):
    return [ref.refused for ref in found if ref.refused is not None]


def content(ref):
    with ref.media.open() as file:
        return file.read()


def special(name, kind, linkname=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, linkname
    return info, b""


def test_clips_are_read_where_they_lie(tmp_path):
    path = write_shard(tmp_path / "shard-000.tar", {"readme.md": b"no clip", **CLIPS})
    found = refs(path)
    assert [ref.name for ref in found] == ["shard-000/a", "shard-000/sub/b", "shard-000/c.d"]
    assert [ref.id for ref in found] == [f"{path}: {name}" for name in CLIPS]
    assert [content(ref) for ref in found] == list(CLIPS.values())
    assert all(ref.shard == "shard-000" and ref.path == str(path) and ref.data is None for ref in found)
    assert found[0].meta == {"note": "no shard-000.json"}
    inputs = collect(RunConfig(tar_path=[str(path)]))
    assert inputs.total is None
    assert inputs.roots == (tmp_path,)
    assert list(inputs) == list(inputs) == list(inputs.listed())


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.zst", ".tar"])
def test_a_compressed_tar_is_told_by_its_content_and_read_as_a_stream(tmp_path, suffix):
    plain = tar_bytes([("a.json", b'{"late": 0}'), *CLIPS.items(), ("c.txt", b"text of c\n"), ("sub/b.json", b"[1]")])
    path = tmp_path / f"shard-1{suffix}"
    path.write_bytes(pa.compress(plain, "zstd", asbytes=True) if "zst" in suffix else gzip.compress(plain))
    found = refs(path)
    assert [ref.name for ref in found] == ["shard-1/a", "shard-1/sub/b", "shard-1/c.d"]
    assert [ref.data for ref in found] == [content(ref) for ref in found] == list(CLIPS.values())
    assert [ref.meta.get("json", ref.meta.get("txt")) for ref in found] == [{"late": 0}, [1], "text of c"]
    listed = collect(RunConfig(tar_path=[str(path)])).listed()
    assert [(ref.id, ref.data) for ref in listed] == [(ref.id, None) for ref in found]


def test_sidecars_of_the_whole_stem_or_of_webdatasets_key(tmp_path):
    members = {
        "a.txt": b"of a", "x/a.json": b'{"of": "x"}', "b.rgb.mp4": b"1", "b.depth.mp4": b"2", "b.json": b"{}",
        "a.mp4": b"3", "b.rgb.json": b'{"own": 1}', "bad.mp4": b"4", "bad.json": b"{", "._a.mp4": b"of macOS",
    }  # fmt: skip
    found = {ref.name: ref.meta for ref in refs(write_shard(tmp_path / "s.tar", members))}
    assert list(found) == ["s/b.rgb", "s/b.depth", "s/a", "s/bad"]
    assert found["s/a"]["txt"] == "of a"
    assert "json" not in found["s/a"]
    assert found["s/b.rgb"]["json"] == {"own": 1}
    assert found["s/b.depth"]["json"] == {}
    assert "no JSON" in found["s/bad"]["json"]


def test_metadata_of_a_shard(tmp_path):
    metadata = [
        {"filename": "a.mp4", "id": "AAA", "segment": [3, 13], "extra": {"views": 5}},
        {"filename": "c.d", "id": "CCC", "segment": [0, 10]},
        {"filename": "gone.mp4", "id": "GGG", "segment": [1, 11]},
    ]
    path = write_shard(tmp_path / "shard-000.tar", CLIPS, metadata)
    found = refs(path)
    assert [ref.meta.get("id") for ref in found] == ["AAA", None, "CCC", "GGG"]
    assert found[0].meta == metadata[0]
    assert (found[0].start_s, found[0].end_s) == (None, None)  # where it was cut from: it is not cut again
    assert found[1].meta == {"note": "not listed in shard-000.json"}
    status, reason = found[3].refused
    assert status == "failed"
    assert reason == f"{path}: gone.mp4: listed in {tmp_path}/shard-000.json but not in the tar"
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "shard-000.json").write_text('[{"filename": "a.mp4", "id": "other"}]')
    assert refs(path, meta_path=str(tmp_path / "meta"))[0].meta["id"] == "other"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ('{"filename": "a.mp4"}', "an object, not a list"),
        ("[" * 100_000, "no JSON"),
        ('[3, {"filename": "a.mp4", "id": "AAA"}]', "entry 0 has no filename"),
        ('[{"filename": "a.mp4", "id": "AAA"}, {"filename": "a.mp4"}, {}]', "entry 1 names 'a' again, and 1 more"),
        ('"text"', "a text, not a list"),
        ("\xff", "no JSON"),
    ],
)
def test_malformed_metadata_is_told_once_and_the_clips_are_extracted(tmp_path, text, words):
    path = write_shard(tmp_path / "shard-000.tar", CLIPS)
    path.with_suffix(".json").write_bytes(text.encode("latin-1"))
    found = refs(path)
    assert len(good(found)) == 3
    ((status, reason),) = reasons(found)
    assert status == "failed"
    assert words in reason
    assert found[0].id == str(path.with_suffix(".json"))


def test_missing_shards_are_skipped_and_finished_ones_not_opened(tmp_path):
    for number in (0, 2):
        write_shard(tmp_path / f"shard-{number:06d}.tar", {f"{number}.mp4": b"x"})
    (tmp_path / "shard-000001.json").write_text('[{"filename": "1.mp4"}]')
    pattern = tmp_path / "shard-{000000..000002}.tar"
    found = refs(pattern)
    assert [ref.name for ref in found] == ["shard-000000/0", "shard-000001", "shard-000002/2"]
    assert found[1].refused == ("skipped", f"{tmp_path}/shard-000001.tar: no such tar")
    (tmp_path / "shard-000000.tar").write_bytes(b"garbage, which is not read")
    asked = []

    def is_done(path):
        asked.append(path)
        return path.endswith("0.tar")

    assert [ref.name for ref in refs(pattern, is_done)] == ["shard-000001", "shard-000002/2"]
    assert asked == [f"{tmp_path}/shard-{number:06d}.tar" for number in range(3)]
    inputs = collect(RunConfig(tar_path=[str(pattern)]), lambda _: True)
    assert [ref.name for ref in inputs] == []
    assert len(list(inputs.listed())) == 3


def test_patterns(tmp_path):
    for name in ("b/s-10.tar", "b/s-2.tar", "a/s-1.tar", "odd{1.tar", "x[1].tar"):
        write_shard(tmp_path / name, {"v.mp4": b"x"})
    assert [ref.shard for ref in refs(tmp_path / "*" / "s-*.tar")] == ["s-1", "s-10", "s-2"]
    assert [ref.shard for ref in refs(tmp_path / "{b,a}" / "s-?.tar")] == ["s-2", "s-1"]
    assert [ref.shard for ref in refs([tmp_path / "odd{1.tar", tmp_path / "x[1].tar"])] == ["odd{1", "x[1]"]
    twice = [tmp_path / "b" / "s-2.tar", tmp_path / "b" / "s-*.tar"]
    assert [ref.shard for ref in refs(twice)] == ["s-2", "s-10"]
    assert refs(f"file://{tmp_path}/b/s-2.tar")[0].shard == "s-2"
    write_shard(tmp_path / "c" / "s-2.tar", {"v.mp4": b"x"})
    for pattern, words in (
        ([tmp_path / "b/s-2.tar", tmp_path / "c/s-2.tar"], r"b/s-2\.tar and .*c/s-2\.tar are both called 's-2'"),
        (tmp_path / "none-*.tar", "no tar fits"),
        (tmp_path / "none-{0..3}.tar", "no such tar"),
        (tmp_path / "s-{0..3.tar", "braces that do not match"),
        (tmp_path / "s-{0..99999999999}.tar", "more than 1000000 shards"),
        (tmp_path / "{0..9999}{0..9999}.tar", "more than 1000000 shards"),
    ):
        with pytest.raises(UserError, match=words):
            refs(pattern)


def test_one_name_twice_is_extracted_once(tmp_path):
    path = write_shard(tmp_path / "s.tar", [("a.mp4", b"1"), ("a.mp4", b"2"), ("./a.mp4", b"3"), ("a.mkv", b"4")])
    found = refs(path)
    assert [content(ref) for ref in good(found)] == [b"1"]
    assert [status for status, _ in reasons(found)] == ["failed"] * 3
    assert "in the tar twice" in reasons(found)[0][1]
    assert "a.mp4 has the same output name" in reasons(found)[2][1]
    assert len({ref.id for ref in found}) == len({ref.name for ref in found}) == 4


def test_links_devices_and_sparse_members_are_refused_and_folders_passed_over(tmp_path):
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
    found = refs(write_shard(tmp_path / "s.tar", members))
    assert [ref.name for ref in good(found)] == ["s/a"]
    assert [reason.split(": ", 2)[1].split()[0] for _, reason in reasons(found)] == [
        "sym.mp4", "hard.mp4", "device.mp4", "pipe.mp4", "old-sparse.mp4", "sparse.mp4",
    ]  # fmt: skip


def test_member_names_cannot_lead_outputs_out(tmp_path):
    names = ["../../../etc/x.mp4", "/abs/y.mp4", "a\\..\\z.mp4", "C:/w.mp4", "x" * 5000 + ".mp4", "nul\x01.mp4"]
    found = refs(write_shard(tmp_path / "s.tar", [(name, b"x") for name in names]))
    assert len(good(found)) == len(names)
    for ref in found:
        assert ref.name.startswith("s/")
        assert ".." not in ref.name.split("/")
        assert max(map(len, ref.name.split("/"))) <= 190


def damaged(tmp_path, data, metadata=None):
    path = tmp_path / "shard-000.tar"
    path.write_bytes(data)
    if metadata is not None:
        path.with_suffix(".json").write_text(json.dumps(metadata))
    return refs(path)


def test_a_tar_that_is_cut_off_keeps_the_clips_before(tmp_path):
    whole = tar_bytes(CLIPS)
    b_data = 512 + 1024 + 512
    for cut, n_clips, byte in (
        (b_data + 100, 1, b_data + 100),  # within a clip
        (b_data - 100, 1, b_data - 100),  # within a header
        (b_data + 1536, 2, b_data + 1536),  # between members
        (b_data + 1536 + 1024, 3, b_data + 1536 + 1024),  # before the mark that ends it
    ):
        found = damaged(tmp_path, whole[:cut], [{"filename": name} for name in CLIPS])
        assert len(good(found)) == n_clips
        status, reason = reasons(found)[0]
        assert status == "failed"
        assert f"shard-000.tar: damaged at byte {byte}" in reason
        assert [reason.split(": ")[1] for _, reason in reasons(found)[1:]] == list(map(str, list(CLIPS)[n_clips:]))
        assert all(f"the tar, which is damaged at byte {byte}" in reason for _, reason in reasons(found)[1:])


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_tar_that_is_cut_off_keeps_the_clips_before(tmp_path, suffix):
    import random

    noise = random.Random(0)
    clips = {f"{i}.mp4": noise.randbytes(300_000) for i in range(5)}
    plain = tar_bytes(clips)
    packed = gzip.compress(plain) if suffix == ".gz" else pa.compress(plain, "zstd", asbytes=True)
    found = damaged(tmp_path, packed[: len(packed) // 2])
    assert len(good(found)) == 2
    assert [ref.data for ref in good(found)] == list(clips.values())[:2]
    ((status, reason),) = reasons(found)
    assert status == "failed"
    assert "shard-000.tar: damaged at byte" in reason


def test_garbage_is_told_by_its_byte(tmp_path):
    whole = bytearray(tar_bytes(CLIPS))
    whole[512 + 1024 : 512 + 1024 + 512] = b"\x55" * 512
    for data, byte, n_clips in ((bytes(whole), 1536, 1), (b"\x00\x01" * 4000, 0, 0), (b"", 0, 0), (b"x" * 100, 100, 0)):
        found = damaged(tmp_path, data)
        assert len(good(found)) == n_clips
        ((status, reason),) = reasons(found)
        assert (status, f"damaged at byte {byte}:" in reason) == ("failed", True), reason


def test_headers_that_claim_too_much_are_not_believed(tmp_path):
    def header(kind, size):
        info = tarfile.TarInfo("a.mp4")
        info.type, info.size = kind, size
        return info.tobuf(tarfile.GNU_FORMAT)

    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE, b"Z"):
        for size in (1 << 40, 1 << 80):
            found = damaged(tmp_path, header(kind, size) + b"x" * 4096)
            assert len(found) == 1
            assert found[0].refused[0] == "failed"
    negative = bytearray(header(tarfile.REGTYPE, 1 << 40))
    negative[124:136] = b"\xff" * 12
    info_sum = sum(negative[:148]) + sum(negative[156:512]) + 256
    negative[148:156] = b"%06o\0 " % info_sum
    assert "-1 bytes" in damaged(tmp_path, bytes(negative) + bytes(4096))[0].refused[1]


def test_long_names_of_either_kind(tmp_path):
    name = "folder/" * 30 + "clip.mp4"
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
        (tmp_path / "s.tar").write_bytes(buffer.getvalue())
        (ref,) = refs(tmp_path / "s.tar")
        assert ref.name == f"s/{'folder/' * 30}clip"
        assert content(ref) == b"abc"


def test_a_folder_or_pipe_called_tar_is_refused(tmp_path):
    (tmp_path / "s.tar").mkdir()
    (ref,) = refs(tmp_path / "s.tar")
    assert ref.refused == ("failed", f"{tmp_path}/s.tar: cannot be read (is no file)")


def test_paths_and_tars_in_one_command_keep_their_names_apart(tmp_path):
    path = write_shard(tmp_path / "s.tar", CLIPS)
    found = list(collect(RunConfig(video_paths=["s.mp4"], tar_path=[str(path)])))
    assert [ref.name for ref in found] == ["s", "s/a", "s/sub/b", "s/c.d"]
    with pytest.raises(UserError, match="would both write outputs called 's/a'"):
        collect(RunConfig(video_paths=["s/a.mp4"], video_root=str(tmp_path), tar_path=[str(path)]))
