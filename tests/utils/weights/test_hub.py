"""The Hugging Face hub, with its client replaced: no test needs a network."""

from unittest.mock import Mock

import huggingface_hub
import pytest
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from models import MODELS
from utils.commands.models import show_models
from utils.commands.weights import fetch_weights
from utils.errors import UserError
from utils.weights.hub import hub_file
from utils.weights.pretrained import LibraryCheckpoint
from utils.weights.store import locate

NAMES = ("model.safetensors", "model.bin")


def replace_client(monkeypatch, download):
    asked = []

    def hf_hub_download(repository, name, local_files_only=False):
        asked.append((name, local_files_only))
        return download(name, local_files_only)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    return asked


def test_what_is_cached_needs_no_network(monkeypatch, tmp_path):
    def download(name, local):
        if name == NAMES[0]:
            raise LocalEntryNotFoundError("not cached")
        return str(tmp_path / name)

    asked = replace_client(monkeypatch, download)
    assert hub_file("timm/a", NAMES, "a.safetensors") == tmp_path / "model.bin"
    assert asked == [("model.safetensors", True), ("model.bin", True)]


def test_the_second_name_is_tried_where_the_first_does_not_exist(monkeypatch, tmp_path):
    def download(name, local):
        if local:
            raise LocalEntryNotFoundError("not cached")
        if name == NAMES[0]:
            raise EntryNotFoundError("404")
        return str(tmp_path / name)

    replace_client(monkeypatch, download)
    assert hub_file("timm/a", NAMES, "a.safetensors") == tmp_path / "model.bin"


def test_without_a_network_the_message_says_what_to_do(monkeypatch):
    def download(name, local):
        raise LocalEntryNotFoundError("no connection\nand more")

    asked = replace_client(monkeypatch, download)
    with pytest.raises(UserError) as caught:
        hub_file("timm/a", NAMES, "a.safetensors")
    for words in ("huggingface.co/timm/a (no connection).", "--checkpoint", "as a.safetensors", "--weights random"):
        assert words in str(caught.value)
    assert asked[2:] == [("model.safetensors", False)]  # one attempt, not one per name


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [(GatedRepoError, 401, "timm/a is gated: accept its terms"), (RepositoryNotFoundError, 401, "no such repository"),
     (HfHubHTTPError, 401, "refused to this login (Invalid credentials"), (HfHubHTTPError, 503, "Without a network")],
)  # fmt: skip
def test_a_refusal_says_what_to_do(monkeypatch, kind, status, words):
    def download(name, local):
        if local:
            raise LocalEntryNotFoundError("not cached")
        raise kind("Invalid credentials", response=Mock(status_code=status, headers={}))

    replace_client(monkeypatch, download)
    with pytest.raises(UserError) as caught:
        hub_file("timm/a", NAMES, "a.safetensors")
    assert words in str(caught.value)


def test_a_file_in_weights_dir_comes_first(tmp_path):
    def download():
        raise AssertionError("not needed")

    (tmp_path / "a.safetensors").touch()
    there = LibraryCheckpoint("a.safetensors", "MIT", "page", download)
    assert locate(there, None, str(tmp_path)) == tmp_path / "a.safetensors"
    assert locate(LibraryCheckpoint("b", "MIT", "page", lambda: tmp_path / "b"), None, None) == tmp_path / "b"


def test_weights_fetch_fills_a_folder_from_the_hub(monkeypatch, tmp_path, capsys):
    (tmp_path / "blob").write_bytes(b"tensors")
    replace_client(monkeypatch, lambda name, local: str(tmp_path / "blob"))
    flags = ["fetch", "timm", "--model_name", "resnet10t.c3_in1k", "--weights_dir", str(tmp_path / "folder")]
    assert fetch_weights(flags, MODELS) == 0
    assert (tmp_path / "folder" / "resnet10t.c3_in1k.safetensors").read_bytes() == b"tensors"
    assert "see its card" in capsys.readouterr().out


def test_models_without_published_files_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    show_models(["timm"], {"timm": MODELS["timm"]})
    assert "by the model's name" in capsys.readouterr().out
