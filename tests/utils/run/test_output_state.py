"""What is known of the outputs of a run's feature types."""

import os

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


def test_a_video_of_the_same_name_is_another_one_unless_it_is_the_same_file(tmp_path):
    folder = folder_at(str(tmp_path / "tiny"))
    folder.prepare()
    paths = {name: tmp_path / name / "clip.mp4" for name in ("a", "b", "elsewhere")}
    for path in paths.values():
        path.parent.mkdir()
        path.write_bytes(b"a video")
        os.utime(path, ns=(7, 7))
    os.utime(paths["b"], ns=(9, 9))
    refs = {name: VideoRef(f"{name}/clip.mp4", "clip", str(path)) for name, path in paths.items()}
    source = fingerprint(refs["a"])
    Manifest(folder).append(ManifestLine(id="a/clip.mp4", name="clip", status="done", source=source))
    (state,) = look_up(plan(tmp_path), folder_at(str(tmp_path)))
    owner = state.replaced_by(refs["b"])
    assert owner is not None and owner.id == "a/clip.mp4"
    assert state.replaced_by(refs["a"]) is None  # itself
    assert state.replaced_by(refs["elsewhere"]) is None  # the same file under another path
    assert state.replaced_by(VideoRef("c/clip.mp4", "clip", "/absent/clip.mp4")) is not None  # nobody can tell
    assert state.replaced_by(VideoRef("d/other.mp4", "other", str(paths["b"]))) is None


def test_a_folder_that_cannot_be_written_stops_the_run(tmp_path):
    (tmp_path / "tiny").write_text("a file")
    with pytest.raises(RunError, match="tiny"):
        look_up(plan(tmp_path), folder_at(str(tmp_path)))
