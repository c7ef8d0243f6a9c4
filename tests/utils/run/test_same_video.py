"""Whether a manifest line is of a video of this run, or of another one."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from utils.run.same_video import SHOWN, Changes, is_of_another, told_apart
from utils.sinks.manifest_line import STATUSES, ManifestLine, Status
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    """a/clip.mp4 and b/clip.mp4, which differ in size."""
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip.mp4").write_text(name if name == "a" else "another")


def line_of(ref: VideoRef, status: Status = "done") -> ManifestLine:
    return ManifestLine(id=ref.id, name=ref.name, status=status, source=fingerprint(ref))


def clip(path: Path | str = "clip.mp4") -> VideoRef:
    return VideoRef(str(path), "clip", str(path))


def test_a_relative_path_counts_from_the_folder_of_its_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "a")
    of_a = line_of(clip())
    absent = replace(of_a, source=replace(of_a.source, folder=str(tmp_path / "gone")))
    older = replace(of_a, source=replace(of_a.source, folder=""))  # as versions up to 0.2.0 wrote it
    for spelled in ("clip.mp4", "./clip.mp4", "../a/clip.mp4", tmp_path / "a" / "clip.mp4"):
        assert not is_of_another(of_a, clip(spelled))
        (tmp_path / "a" / "clip.mp4").write_text("it has changed")
        assert not is_of_another(of_a, clip(spelled))
    monkeypatch.chdir(tmp_path / "b")
    assert is_of_another(of_a, clip()) and not is_of_another(absent, clip()) and not is_of_another(older, clip())
    assert is_of_another(of_a, clip(tmp_path / "b" / "clip.mp4"))
    assert not is_of_another(of_a, replace(clip(), has_id=True))
    assert not is_of_another(of_a, clip("gone.mp4"))


def test_folders_of_frames_are_told_apart_by_their_patterns(tmp_path):
    for name in "ab":
        (tmp_path / name / "0001.jpg").write_text(name * (1 + ord(name)))
    assert is_of_another(line_of(clip(tmp_path / "a" / "%04d.jpg")), clip(tmp_path / "b" / "%04d.jpg"))


@pytest.mark.parametrize(
    ("id_", "segment", "own"),
    [
        ("clip.mp4", (None, None), "b/clip.mp4"),
        ("clip.mp4#1-2", (1.0, 2.0), "b/clip.mp4#1-2"),
        ("a: clip#.mp4", (None, None), "b/clip.mp4"),  # of another root
    ],
)
def test_another_video_of_one_id_is_called_by_its_whole_path(tmp_path, monkeypatch, id_, segment, own):
    ref = VideoRef(id_, "clip", "clip.mp4", *segment)
    monkeypatch.chdir(tmp_path / "a")
    lines = [(ref, line_of(ref, status)) for status in STATUSES[::3]]
    assert told_apart(ref, lines) is ref
    monkeypatch.chdir(tmp_path / "b")
    assert told_apart(ref, lines) == replace(ref, id=f"{tmp_path}/{own}")
    assert told_apart(ref, [*lines[1:], (None, None), (ref, None), (None, lines[0][1])]) is ref


def test_the_member_of_a_tar_is_called_by_the_whole_path_of_the_tar(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name / "x.tar").write_text(name * 9)
    sound = VideoRef("x.tar: 1.mp4", "1", "x.tar", member="1.wav", offset=512, size=2)
    ref = replace(sound, member="1.mp4", offset=0, audio=sound)
    monkeypatch.chdir(tmp_path / "a")
    line = line_of(ref)
    os.utime(tmp_path / "b" / "x.tar", ns=(7, 7))
    monkeypatch.chdir(tmp_path / "b")
    apart = told_apart(ref, [(ref, line)])
    assert apart.id == f"{tmp_path}/b/x.tar: 1.mp4" and apart.audio is not None and apart.audio.id == apart.id


def test_changes_are_counted_and_the_first_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "a")
    ref, changes = clip(), Changes()
    done = line_of(ref)
    for line in (done, None, replace(done, status="failed")):
        changes.note([(ref, line), (None, done)])
    assert changes.n == 0
    os.utime("clip.mp4", ns=(7, 7))
    changes.note([(ref, done), (ref, done)])
    Path("clip.mp4").write_text("longer")
    changes.note([(ref, None), (ref, done)])
    changes.note([(ref, replace(done, source=replace(done.source, folder="/x", segment=(1.0, 2.0))))])
    assert changes.first == [
        "clip.mp4: modified since",
        "clip.mp4: 1 byte then, 6 now",
        "clip.mp4: /x/clip.mp4 then; another segment; 1 byte then, 6 now",
    ]
    for _ in range(SHOWN):
        changes.note([(ref, done)])
    assert (changes.n, len(changes.first)) == (3 + SHOWN, SHOWN)
    Path("clip.mp4").unlink()
    changes.note([(ref, done)])
    assert changes.n == 3 + SHOWN  # nobody can tell
