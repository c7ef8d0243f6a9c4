"""Tars that are cut off, damaged or hostile: the clips before the damage, and the byte where it is."""

import io
import tarfile

from support.sources import CLIPS, content, good, reasons, refusal, shard_refs, tar_bytes, written_refs


def test_a_tar_that_is_cut_off_keeps_the_clips_before(tmp_path):
    whole = tar_bytes(CLIPS)
    b_data = 512 + 1024 + 512
    for cut, n_clips, byte in (
        (b_data + 100, 1, b_data + 100),  # within a clip
        (b_data - 100, 1, b_data - 100),  # within a header
        (b_data + 1536, 2, b_data + 1536),  # between members
        (b_data + 1536 + 1024, 3, b_data + 1536 + 1024),  # before the end-of-archive mark
    ):
        found = written_refs(tmp_path, whole[:cut], [{"filename": name} for name in CLIPS])
        assert len(good(found)) == n_clips
        status, reason = reasons(found)[0]
        assert status == "failed"
        assert f"shard-000.tar: damaged at byte {byte}" in reason
        assert [reason.split(": ")[1] for _, reason in reasons(found)[1:]] == list(map(str, list(CLIPS)[n_clips:]))
        assert all(f"the tar, which is damaged at byte {byte}" in reason for _, reason in reasons(found)[1:])


def test_damage_is_reported_with_its_byte(tmp_path):
    whole = bytearray(tar_bytes(CLIPS))
    whole[512 + 1024 : 512 + 1024 + 512] = b"\x55" * 512
    for data, byte, n_clips in ((bytes(whole), 1536, 1), (b"\x00\x01" * 4000, 0, 0), (b"", 0, 0), (b"x" * 100, 100, 0)):
        found = written_refs(tmp_path, data)
        assert len(good(found)) == n_clips
        ((status, reason),) = reasons(found)
        assert (status, f"damaged at byte {byte}:" in reason) == ("failed", True), reason


def test_headers_that_claim_too_much_are_not_trusted(tmp_path):
    def header(kind, size):
        info = tarfile.TarInfo("a.mp4")
        info.type, info.size = kind, size
        return info.tobuf(tarfile.GNU_FORMAT)

    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE, b"Z"):
        for size in (1 << 40, 1 << 80):
            found = written_refs(tmp_path, header(kind, size) + b"x" * 4096)
            assert len(found) == 1
            assert refusal(found[0])[0] == "failed"
    negative = bytearray(header(tarfile.REGTYPE, 1 << 40))
    negative[124:136] = b"\xff" * 12
    info_sum = sum(negative[:148]) + sum(negative[156:512]) + 256
    negative[148:156] = b"%06o\0 " % info_sum
    assert "-1 bytes" in refusal(written_refs(tmp_path, bytes(negative) + bytes(4096))[0])[1]


def test_long_names_of_either_kind(tmp_path):
    name = "folder/" * 30 + "clip.mp4"
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
        (tmp_path / "s.tar").write_bytes(buffer.getvalue())
        (ref,) = shard_refs(tmp_path / "s.tar")
        assert ref.name == f"s/{'folder/' * 30}clip"
        assert content(ref) == b"abc"
