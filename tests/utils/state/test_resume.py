"""What a run takes over from earlier ones, and when it refuses to."""

import json
from dataclasses import replace

import pytest

from utils.commands.status import show_status
from utils.errors import UserError
from utils.sinks.manifest_line import ManifestLine, RunStamp, Status
from utils.sinks.output import Output
from utils.sinks.readback import OutputReader
from utils.sinks.top_classes import TopClasses
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef
from utils.state.manifest import Latest, Manifest, settings_hash
from utils.state.resume import clear_failures, differences, is_done, refuse_mixing
from utils.storage.folder import folder_at

FIRST = {"stack_size": 64, "weights": {"i3d": "random"}}


def line(identity: str, status: Status = "done", reason: str = "", **stamp) -> ManifestLine:
    return ManifestLine(
        id=identity, status=status, finished="2026-01-01T00:00:00+0000", reason=reason, stamp=RunStamp(**stamp)
    )


def test_differences_are_those_of_either_side():
    assert differences({"a": 1, "b": 2, "c": 3}, {"b": 2, "c": 4, "d": None, "e": 5}) == [
        "c: 3 there, 4 now",
        "e: None there, 5 now",
        "a: 1 there, None now",
    ]


def test_a_video_is_done_only_with_its_settings_input_and_outputs(tmp_path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"1")
    ref, outputs = VideoRef("clip.mp4", "clip", str(video)), OutputReader(folder_at(str(tmp_path)))
    known = replace(line(ref.id, settings_hash="s", on_extraction="save_numpy"), source=fingerprint(ref))
    assert is_done(known, ref, outputs, "s", "save_numpy")
    assert not is_done(known, ref, outputs, "t", "save_numpy")
    assert not is_done(replace(known, status="failed"), ref, outputs, "s", "save_numpy")
    absent = Output("absent.npy", 1, {})
    assert not is_done(replace(known, outputs=(absent,)), ref, outputs, "s", "save_numpy")
    assert not is_done(known, ref, outputs, "s", "save_pickle")
    assert not is_done(None, ref, outputs, "s", "save_numpy")
    segment = VideoRef("clip.mp4", "clip", str(video), start_s=1.0)
    assert not is_done(known, segment, outputs, "s", "save_numpy")
    with_classes = replace(known, top_classes="top_classes/clip.npz")
    assert is_done(with_classes, ref, outputs, "s", "save_numpy")
    assert not is_done(with_classes, ref, outputs, "s", "save_numpy", with_classes=True)
    top = TopClasses()
    top.add(0, (0.0, 1.0), "rgb", [("a", 0.9, 2.0)])
    saved = tmp_path / top.write(folder_at(str(tmp_path)), "clip")
    assert is_done(with_classes, ref, outputs, "s", "save_numpy", with_classes=True)
    saved.write_bytes(saved.read_bytes()[:-9])
    assert not is_done(with_classes, ref, outputs, "s", "save_numpy", with_classes=True)
    video.write_bytes(b"22")
    assert not is_done(known, ref, outputs, "s", "save_numpy")
    video.unlink()  # to save room, once it is extracted
    assert is_done(known, ref, outputs, "s", "save_numpy")


def test_other_settings_are_refused_with_the_difference(folder):
    Manifest(folder).append(line("a", settings_hash=settings_hash(FIRST)))
    with folder.whole("run-1.json") as file:
        file.write(json.dumps({"settings_hash": settings_hash(FIRST), "settings": FIRST}).encode())
    refuse_mixing(folder, Latest(folder), FIRST)
    with pytest.raises(UserError, match=r"stack_size: 64 there, 24 now.*--overwrite"):
        refuse_mixing(folder, Latest(folder), FIRST | {"stack_size": 24})
    Manifest(folder).append(replace(line("a", "failed", settings_hash=settings_hash(FIRST)), revision=1))
    refuse_mixing(folder, Latest(folder), FIRST | {"stack_size": 24})  # nothing of the other settings is left


def test_without_a_run_file_the_manifest_is_named(folder):
    Manifest(folder).append(line("a", settings_hash=settings_hash(FIRST)))
    with pytest.raises(UserError, match="see its manifest"):
        refuse_mixing(folder, Latest(folder), {"stack_size": 24})


def test_what_could_not_be_read_and_now_can_no_longer_counts(folder, capsys):
    reason = "s.tar: cannot be read (Input/output error)"
    Manifest(folder).append(line("s.tar", "failed", reason=reason), line("b.mp4", "failed"), line("c.mp4"))
    clear_failures(folder, Latest(folder), ["s.tar", "c.mp4", "absent"], RunStamp())
    assert [one.id for one in Latest(folder)] == ["b.mp4", "c.mp4"]
    assert show_status([str(folder)]) == 1
    clear_failures(folder, Latest(folder), ["s.tar", "b.mp4"], RunStamp())
    assert len(Latest(folder)) == 3 and [one.id for one in Latest(folder)] == ["c.mp4"]
    assert show_status([str(folder)]) == 0
    assert "1 done, 0 partial, 0 skipped, 0 failed" in capsys.readouterr().out
    Manifest(folder).append(replace(line("s.tar", "failed"), revision=2))
    assert [one.status for one in Latest(folder) if one.id == "s.tar"] == ["failed"]
