"""Which texts, feature types and settings are refused before any network is loaded."""

from types import SimpleNamespace

import numpy as np
import pytest

import utils.worker.text
from utils.config.run import RunConfig
from utils.config.schema import Config
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.run.text import embed_texts


class Fake(Model):
    """A model without checkpoints."""

    def config_class(self):
        return Config

    def needs(self, config):
        return {}

    def flags_of(self, settings):
        return settings

    def no_text(self, config):
        return "its rows are pixels" if self.summary == "pixels" else ""


MODELS = {
    "clip": Fake("", "", "", "", {}, text="x:y"),
    "i3d": Fake("", "", "", "", {}),
    "raw": Fake("", "", "", "pixels", {}, text="x:y"),
}


def embed(texts, feature_type="clip", like=None):
    return embed_texts(texts, RunConfig(), feature_type, {}, MODELS, "cpu", lambda _: None, like)


@pytest.mark.parametrize(
    ("texts", "words"),
    [([], "one or more"), (["a", " "], "none of them empty"), (["a\udcff"], "must be UTF-8")],
)
def test_texts_that_say_nothing(texts, words):
    with pytest.raises(UserError, match=words):
        embed(texts)


def test_types_without_texts():
    with pytest.raises(UserError, match=r"^i3d has no text tower; feature types with one: clip, raw$"):
        embed(["a"], "i3d")
    with pytest.raises(UserError, match=r"^out/raw: its rows are pixels$"):
        embed(["a"], "raw", SimpleNamespace(place="out/raw", settings={}))


def test_the_worker_gets_the_tower_of_the_type(monkeypatch):
    given = []
    monkeypatch.setattr(utils.worker.text, "embed", lambda *call: given.append(call) or np.zeros((2, 3)))
    assert embed(["a", "b"]).shape == (2, 3)
    assert given == [(["a", "b"], "x:y", Config(), {}, "cpu")]
