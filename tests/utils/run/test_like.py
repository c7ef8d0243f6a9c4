"""Which network texts are embedded with, by the record of an output folder."""

import pytest
import torch

from models import MODELS
from utils.errors import UserError
from utils.run.like import recorded
from utils.sinks.manifest_line import ManifestLine, RunStamp
from utils.state.manifest import Manifest
from utils.state.run_file import RunFile
from utils.storage.folder import folder_at
from utils.weights.store import sha256_of


def record(root, feature_type, weights, checkpoints=None, **settings):
    """Leave what a run with one video leaves."""
    folder = folder_at(str(root / feature_type))
    folder.prepare()
    whole = {"feature_type": feature_type, **settings, "weights": weights}
    stamp = RunStamp(feature_type=feature_type, settings_hash="abc")
    Manifest(folder).append(ManifestLine(id="a.mp4", name="a", status="done", stamp=stamp))
    RunFile(["--feature_type", feature_type]).write(folder, "abc", whole, {"checkpoints": checkpoints or {}})


def test_the_checkpoint_is_the_one_that_made_the_features(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"a": torch.zeros(3)}, path)
    record(tmp_path, "clip", {"clip": sha256_of(path)}, {"clip": str(path)}, model_name="ViT-B/16")
    record(tmp_path, "i3d", {"rgb": "random"})
    like = recorded(str(tmp_path), None, MODELS)  # the one with a text tower
    assert (like.feature_type, like.settings["model_name"]) == ("clip", "ViT-B/16")
    assert like.original_checkpoints() == {"clip": path}
    torch.save({"a": torch.ones(3)}, path)
    assert like.original_checkpoints() is None
    with pytest.raises(UserError, match=rf"clip: its features were made with other weights than {path}: pass the"):
        like.check({"clip": path})
    assert recorded(str(tmp_path / "i3d"), None, MODELS).original_checkpoints() == {"rgb": None}


def test_what_cannot_be_chosen_is_said(tmp_path):
    record(tmp_path, "clip", {"clip": "random"})
    record(tmp_path, "transformers", {"transformers": "random"})
    with pytest.raises(UserError, match=r"has features of .*: choose one by --feature_type"):
        recorded(str(tmp_path), None, MODELS)
    assert recorded(str(tmp_path), "clip", MODELS).feature_type == "clip"
    with pytest.raises(UserError, match="no features of i3d there"):
        recorded(str(tmp_path), "i3d", MODELS)
    for file in (tmp_path / "clip").glob("run-*"):
        file.unlink()
    with pytest.raises(UserError, match="no run file has the settings"):
        recorded(str(tmp_path / "clip"), None, MODELS)
