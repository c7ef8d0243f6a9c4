"""Files that are not what they say, and the hub, with its client replaced."""

import json
import re
from typing import cast

import huggingface_hub
import pytest
import safetensors.torch
import torch
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError
from support.tiny_transformers import save

from models import MODELS
from models.transformers.config import TransformersConfig
from models.transformers.pretrained import needs, settings
from models.transformers.weights import load_model, random_model
from utils.errors import UserError
from utils.weights.pretrained import LibraryCheckpoint


def library_files(config: TransformersConfig) -> dict[str, LibraryCheckpoint]:
    return {name: cast(LibraryCheckpoint, need.published) for name, need in needs(config).items()}


def edit(folder, change):
    """Rewrite the weights of a folder."""
    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    safetensors.torch.save_file(tensors, path, {"format": "pt"})


@pytest.fixture
def videomae(tmp_path):
    save("videomae", tmp_path)
    return tmp_path


def test_missing_and_unexpected_tensors_are_named(videomae):
    edit(videomae, lambda tensors: tensors.pop("videomae.encoder.layer.1.output.dense.weight"))
    with pytest.raises(UserError, match=r"1 missing: videomae\.encoder\.layer\.1\.output\.dense\.weight"):
        load_model(videomae)
    edit(videomae, lambda tensors: tensors.update({"videomae.extra": torch.zeros(2)}))
    with pytest.raises(UserError, match=r"1 missing: .*; 1 unexpected: videomae\.extra\)$"):
        load_model(videomae)
    edit(videomae, lambda tensors: tensors.update({"classifier.bias": torch.zeros(7)}))
    with pytest.raises(UserError, match=r"1 mismatched: classifier\.bias \[7\] for \[3\]\)$"):
        load_model(videomae)


def test_a_part_that_is_not_there_is_named(videomae):
    (videomae / "model.safetensors").rename(videomae / "model-00001-of-00002.safetensors")
    index = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (videomae / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    with pytest.raises(UserError, match=r"lacks model-00002-of-00002\.safetensors, which model\.safetensors\.index"):
        library_files(TransformersConfig(str(videomae)))["transformers"].fetch()


def publish(tensors):
    """Name the biases as the published files do, which have none of keys; later versions of the library do so, too."""
    for name in [name for name in tensors if re.search(r"(query|key|value)\.bias$", name)]:
        bias = tensors.pop(name)
        if "key" not in name:
            tensors[name.replace("query.bias", "q_bias").replace("value.bias", "v_bias")] = bias


def test_biases_under_their_published_names_are_loaded(tmp_path):
    made, _ = save("videomae", tmp_path)
    edit(tmp_path, publish)
    if any(name.endswith("key.bias") for name in made.state_dict()):  # versions that do not know the names
        with pytest.raises(UserError, match=r"4 unexpected: .*q_bias.*upgrade it \(pip install -U transformers\)"):
            load_model(tmp_path)
        return
    loaded = load_model(tmp_path).state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in made.state_dict().items())


def test_biases_that_the_library_lost_are_noticed(videomae):
    lost = ("q_bias", "v_bias", "query.bias", "value.bias")
    edit(videomae, lambda tensors: [tensor.zero_() for name, tensor in tensors.items() if name.endswith(lost)])
    with pytest.raises(UserError, match=r"4 zero: videomae\.encoder\.layer\.0.*query\.bias.*lose these biases"):
        load_model(videomae)


def test_what_is_not_in_the_table_is_refused(videomae):
    described = json.loads((videomae / "config.json").read_text())
    for change, message in (
        (
            {"model_type": "videoma"},
            r"family 'videoma', which is not supported; choose .* pe_audio \(did you mean videomae",
        ),
        ({"architectures": ["ViTModel"]}, "ViTModel is not a model of the family videomae"),
        ({"architectures": ["Custom"], "auto_map": {"AutoModel": "x.Custom"}}, "Custom is not a model"),
    ):
        (videomae / "config.json").write_text(json.dumps(described | change))
        with pytest.raises(UserError, match=message):
            load_model(videomae)
    with pytest.raises(UserError, match="no such folder, and not the name of a repository"):
        library_files(TransformersConfig("a/b/c"))["config"].fetch()
    with pytest.raises(UserError, match="--model_name is missing"):
        TransformersConfig()
    with pytest.raises(UserError, match="--layer names a layer twice: 2 0 2"):
        TransformersConfig("a/b", layer=[2, 0, 2])


def test_no_file_but_those_recorded_is_loaded(tmp_path):
    made, _ = save("vit", tmp_path)
    described = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(described | {"transformers_weights": "other.safetensors"}))
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "a/b", "peft_type": "LORA"}))
    loaded = load_model(tmp_path, torch.bfloat16).state_dict()
    assert all(torch.equal(loaded[name], tensor.bfloat16()) for name, tensor in made.state_dict().items())


def test_random_weights_are_the_same_everywhere(videomae):
    first, second = (random_model(videomae).state_dict() for _ in range(2))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_a_repository_is_downloaded_once_and_its_commit_recorded(monkeypatch, tmp_path):
    folder, asked = tmp_path / "snapshots" / "c0ffee", []

    def snapshot_download(repository, revision, allow_patterns, local_files_only):
        asked.append((revision, allow_patterns[0], local_files_only))
        if local_files_only and not folder.exists():
            raise LocalEntryNotFoundError("not cached")
        if not local_files_only:
            save("vit", folder)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    config = TransformersConfig("google/vit", revision="v1")
    found = {name: file.fetch().name for name, file in library_files(config).items()}
    assert found == {
        "transformers": "model.safetensors",
        "config": "config.json",
        "processor": "preprocessor_config.json",
    }
    assert [each for each in asked if not each[2]] == [("v1", "*.json", False)]
    assert settings(config) == MODELS["transformers"].more_settings(config) == {"revision": "c0ffee"}
    (folder / "model.safetensors").unlink()
    library_files(config)["transformers"].fetch()
    assert asked[-1] == ("c0ffee", "model*.safetensors", False)


def test_gated_repositories_and_no_network_say_what_to_do(monkeypatch):
    def refuse(error):
        def snapshot_download(*_arguments, local_files_only, **_others):
            raise LocalEntryNotFoundError("not cached") if local_files_only else error

        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
        with pytest.raises(UserError) as caught:
            settings(TransformersConfig("a/b"))
        return str(caught.value)

    gated = GatedRepoError.__new__(GatedRepoError)  # its constructor wants the server's answer
    assert "huggingface.co/a/b is gated: accept its terms on that page, then log in by `hf auth login`" in refuse(gated)
    assert "run `hf download a/b --local-dir FOLDER`" in refuse(LocalEntryNotFoundError("no connection"))
