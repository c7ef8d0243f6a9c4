"""What decides the features of a run."""

from dataclasses import dataclass

import pytest

from utils.config.run import RunConfig
from utils.config.schema import Config, flag
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.run.settings import find_checkpoints, settings_of
from utils.weights.pretrained import Needed, Published
from utils.weights.store import sha256_of


@dataclass(frozen=True)
class Own(Config):
    """A setting that counts, and one that does not."""

    size: int = flag(3, "size", group="x")
    shown: bool = flag(False, "shown", group="x", shapes_output=False)


class Fake(Model):
    """A model with one checkpoint."""

    def needs(self, config):
        return {"net": Needed(FILE, None), "own": Needed(FILE, config_path)}

    def media_of(self, config):
        return "visual"

    def more_settings(self, config):
        return {"more": 1}


FILE = Published("net.pt", "file:///absent/net.pt", "none", "nowhere")
MODEL = Fake("", "", "", "", {})
config_path = None


def test_all_that_counts_and_nothing_else(tmp_path):
    (tmp_path / "net.pt").write_bytes(b"weights")
    checkpoints = {"net": tmp_path / "net.pt", "own": None}
    found = settings_of("x", RunConfig(), MODEL, Own(size=4, shown=True), checkpoints)
    assert found == {
        "feature_type": "x", "precision": "auto", "max_seconds": 86400.0, "size": 4, "more": 1,
        "weights": {"net": sha256_of(tmp_path / "net.pt"), "own": "random"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "recorded"),
    [
        ({"video_track": "eng"}, {"video_track": "eng"}),
        ({"frames_fps": 5.0}, {"frames_fps": 5.0}),
        ({"frames_fps": 25.0}, {}),  # the default: older runs did not record it
        ({"audio_track": "eng"}, {}),  # of sound alone
        ({"concat": True}, {"concat": True}),
        ({"quiet": True, "num_workers": 3, "output_path": "x"}, {}),
    ],
)
def test_settings_of_the_run(flags, recorded):
    plain = settings_of("x", RunConfig(), MODEL, Own(), {})
    assert settings_of("x", RunConfig(**flags), MODEL, Own(), {}) == plain | recorded


def test_checkpoints_are_random_found_or_refused(tmp_path, monkeypatch):
    assert find_checkpoints(RunConfig(weights="random"), Own(), MODEL) == {"net": None, "own": None}
    own = tmp_path / "own.pt"
    own.write_bytes(b"weights")
    monkeypatch.setitem(globals(), "config_path", str(own))
    assert find_checkpoints(RunConfig(weights="random"), Own(), MODEL) == {"net": None, "own": own}
    monkeypatch.setenv("FEATMILL_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"net\.pt"):
        find_checkpoints(RunConfig(weights_dir=str(tmp_path / "empty")), Own(), MODEL)
