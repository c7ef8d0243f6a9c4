"""From settings to a plan."""

from pathlib import Path

import pytest

from models import MODELS
from utils.config.run import RunConfig
from utils.config.schema import Config, build
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.run.prepare import RANDOM_WARNING, Requested, Resources, prepare
from utils.state.manifest import settings_hash

RESOURCES = Resources(("cuda:0", "cuda:1"), 3, 2)


class Fake(Model):
    """A model whose settings are few."""

    def media_of(self, config):
        return self.media

    def outputs_of(self, config):
        return self.outputs

    def more_settings(self, config):
        return {}


def requested(path: Path | None, media: str = "visual", shape: str = "[windows, 3]") -> Requested:
    return Requested(Fake("", "x:Y", "", "", {"rgb": shape}, media=media), Config(), {"net": path})


def test_each_type_gets_its_folder_settings_and_stamp(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"weights")
    run = RunConfig(on_extraction="save_npz", output_path="s3://bucket/out/", keep_frames=True, tmp_path="tmp")
    kinds = {"i3d": requested(tmp_path / "net.pt"), "loud": requested(None, "audio")}
    plan = prepare(run, kinds, RESOURCES, "run-1")
    assert (plan.devices, plan.n_threads, plan.decode_threads) == (("cuda:0", "cuda:1"), 3, 2)
    i3d, loud = plan.features
    assert (i3d.output, loud.output) == ("s3://bucket/out/i3d", "s3://bucket/out/loud")
    assert (i3d.extractor, i3d.wants_audio, loud.wants_audio) == ("x:Y", False, True)
    assert i3d.frames_folder == Path("tmp/i3d")
    assert (i3d.stamp.run, i3d.stamp.on_extraction) == ("run-1", "save_npz")
    assert i3d.stamp.settings_hash == settings_hash(i3d.settings) != loud.stamp.settings_hash
    assert len(i3d.settings["weights"]["net"]) == 64


def test_random_weights_are_warned_of_in_every_line(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"weights")
    (feature,) = prepare(RunConfig(weights="random"), {"i3d": requested(None)}, RESOURCES, "").features
    assert feature.stamp.warning == RANDOM_WARNING
    (feature,) = prepare(RunConfig(), {"i3d": requested(tmp_path / "net.pt")}, RESOURCES, "").features
    assert feature.stamp.warning == ""


def test_types_on_one_grid_are_other_features_than_each_alone():
    kinds = {"a": requested(None), "b": requested(None)}
    plain, aligned = (prepare(run, kinds, RESOURCES, "") for run in (RunConfig(), RunConfig(align="a")))
    assert aligned.features[1].settings["aligned_types"] == ["a", "b"]
    assert "aligned_types" not in plain.features[1].settings


def test_a_format_without_room_is_refused_before_any_work():
    with pytest.raises(UserError, match="save_parquet stores vectors"):
        prepare(
            RunConfig(on_extraction="save_parquet"), {"pwc": requested(None, shape="[frames, 2, H, W]")}, RESOURCES, ""
        )


def test_crops_are_an_axis_that_columns_have_no_room_for() -> None:
    model = MODELS["clip"]
    run = RunConfig(weights="random", on_extraction="save_npz", array_layout="columns")
    config = build(model.config_class(), [("test", {"crop_type": "5-crop"})])
    with pytest.raises(UserError, match=r"clip gives \[frames, crops, 512\]"):
        prepare(run, {"clip": Requested(model, config)}, Resources(("cpu",), 1, 1), "")
