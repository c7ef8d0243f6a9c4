"""Repositories of the hub, by the real client, from a local stand-in of the hub's server."""

from typing import cast

import pytest
from support.hub import Hub
from support.tiny_transformers import save

from models.transformers.config import TransformersConfig
from models.transformers.pretrained import needs, settings
from utils.errors import UserError
from utils.weights.pretrained import LibraryCheckpoint


@pytest.fixture
def hub(monkeypatch, tmp_path):
    save("vit", tmp_path / "vit")
    hub = Hub("google/vit", tmp_path / "vit", ("main", "v1"))
    hub.install(monkeypatch, tmp_path / "cache")
    yield hub
    hub.close()


def fetched(name):
    """The names of the files that a model needs, fetched."""
    return {cast(LibraryCheckpoint, need.published).fetch().name for need in needs(TransformersConfig(name)).values()}


def test_a_revision_is_pinned_and_recorded_and_files_come_once(hub):
    files = {"model.safetensors", "config.json", "preprocessor_config.json"}
    assert fetched("google/vit@v1") == files == set(hub.sent)
    assert settings(TransformersConfig("google/vit@v1")) == {"revision": Hub.COMMIT}
    n_sent = len(hub.sent)
    assert fetched("google/vit@v1") == files and fetched(f"google/vit@{Hub.COMMIT}") == files
    hub.close()  # what is cached needs no hub
    assert fetched("google/vit@v1") == files and len(hub.sent) == n_sent == len(files)


def test_what_the_hub_refuses_is_one_line(hub, monkeypatch):
    for name, message in (
        ("google/vit@v2", r"google/vit: has no branch, tag or commit v2$"),
        ("google/vat", r"google/vat: no such repository, or it is private: log in by `hf auth login`$"),
    ):
        with pytest.raises(UserError, match=message):
            fetched(name)
    with pytest.raises(UserError, match="--revision: google/vit@v1 names one after the @"):
        TransformersConfig("google/vit@v1", revision="v1")
    hub.gated = True
    with pytest.raises(UserError, match=r"google/vit is gated: accept its terms on that page, then log in by"):
        fetched("google/vit")
    monkeypatch.setenv("HF_TOKEN", Hub.TOKEN)
    assert "model.safetensors" in fetched("google/vit")
