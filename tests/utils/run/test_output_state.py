"""What is known of the outputs of a run's feature types."""

import os
from dataclasses import replace

import pytest

from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.errors import RunError, UserError
from utils.run.output_state import look_up
from utils.sinks.acav import acav_names
from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.sources.fingerprint import fingerprint
from utils.sources.ref import VideoRef
from utils.state.manifest import Manifest, settings_hash
from utils.storage.folder import folder_at
from utils.worker.plan import FeaturePlan, Plan


def plan(tmp_path, on_extraction="save_numpy", settings=None, **flags):
    feature = FeaturePlan(
        "tiny", "", Config(), {}, settings or {}, str(tmp_path / "tiny"), RunStamp("tiny"), acav_names("tiny"), **flags
    )
    return Plan(RunConfig(on_extraction=on_extraction), (feature,), ("cpu",), 1, 1)


def test_nothing_is_known_where_nothing_is_written(tmp_path):
    assert look_up(plan(tmp_path, "print"), folder_at(str(tmp_path))) == []
    assert list(tmp_path.iterdir()) == []


def test_the_last_lines_are_there_and_other_settings_are_refused(tmp_path):
    folder = folder_at(str(tmp_path / "tiny"))
    folder.prepare()
    Manifest(folder).append(
        ManifestLine(id="a", status="done", stamp=RunStamp("tiny", settings_hash=settings_hash({})))
    )
    (state,) = look_up(plan(tmp_path), folder_at(str(tmp_path)))
    assert (state.feature_type, [line.id for line in state.latest]) == ("tiny", ["a"])
    with pytest.raises(UserError, match="made with other settings"):
        look_up(plan(tmp_path, settings={"size": 3}), folder_at(str(tmp_path)))


def test_a_type_of_sound_takes_the_sound(tmp_path):
    sound = VideoRef("a", "a", "a.wav", media_kind="audio")
    (frames,), (audio,) = (
        look_up(plan(tmp_path, wants_audio=each), folder_at(str(tmp_path))) for each in (False, True)
    )
    assert (frames.part(sound), audio.part(sound)) == (None, sound)


def test_what_another_video_of_the_same_name_is(tmp_path):
    folder = folder_at(str(tmp_path / "tiny"))
    folder.prepare()
    first, other, copied = (tmp_path / place / "clip.mp4" for place in ("a", "b", "c"))
    for path in (first, other, copied):
        path.parent.mkdir()
        path.write_bytes(b"a video")
        os.utime(path, ns=(7, 7))
    os.utime(other, ns=(9, 9))
    of_first = VideoRef("a/clip.mp4", "clip", str(first))
    by_row = [VideoRef("train_0", "train_0", f"{name}, row 0", data=name.encode()) for name in ("set 1", "set 2")]
    for ref in (of_first, by_row[0]):
        Manifest(folder).append(ManifestLine(id=ref.id, name=ref.name, status="done", source=fingerprint(ref)))
    (state,) = look_up(plan(tmp_path), folder_at(str(tmp_path)))

    def replaced_by(ref):
        return getattr(state.replaced_by(ref), "id", None)

    of_other = VideoRef("b/clip.mp4", "clip", str(other))
    assert replaced_by(of_other) == "a/clip.mp4"
    assert replaced_by(replace(of_other, name="other")) is None
    assert replaced_by(VideoRef("c/clip.mp4", "clip", str(copied))) is None
    assert replaced_by(VideoRef("d/clip.mp4", "clip", "/absent/clip.mp4")) is None  # it will fail as absent
    assert replaced_by(VideoRef("e/clip.mp4", "clip", "memory://absent/clip.mp4")) == "a/clip.mp4"  # nobody can tell
    assert replaced_by(replace(of_other, id="a/clip.mp4")) == "a/clip.mp4"  # as clips of tars with one name
    assert replaced_by(replace(of_other, id="a/clip.mp4", has_id=True)) is None
    assert [replaced_by(ref) for ref in by_row] == [None, "train_0"]
    (folded,) = look_up(plan(tmp_path), folder_at(str(tmp_path)), str.casefold)
    owner = folded.replaced_by(replace(of_other, name="CLIP"))
    assert owner is not None and owner.id == "a/clip.mp4" and replaced_by(replace(of_other, name="CLIP")) is None
    first.write_bytes(b"changed")
    assert replaced_by(of_first) is None
    first.unlink()
    assert replaced_by(of_other) is None


def test_a_folder_that_cannot_be_written_stops_the_run(tmp_path):
    (tmp_path / "tiny").write_text("a file")
    with pytest.raises(RunError, match="tiny"):
        look_up(plan(tmp_path), folder_at(str(tmp_path)))
