"""Texts and labels, against open_clip's own model, tokenizer and logits."""

import json

import numpy as np
import open_clip
import pytest
import torch
from support.media import moving_frames, write_clip
from support.tiny_transformers import save_tokenizer

import featmill
from utils.errors import UserError
from utils.weights.seeded import fill_random

TEXTS = ["a dog runs", "A cat's 2 kittens!", "the mat " * 100]  # the last is cut
TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
SIGLIP_TEXT = {"vocab_size": 20, "hf_tokenizer_name": "none/of-the-hub", "tokenizer_kwargs": {"clean": "canonicalize"}}
MODELS = {
    "test-tiny": TINY,
    "test-tiny-siglip": {
        **TINY, "custom_text": True, "init_logit_bias": -10, "text_cfg": {**TINY["text_cfg"], **SIGLIP_TEXT},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """open_clip's model of each of MODELS, and its checkpoint."""
    folder, made = tmp_path_factory.mktemp("clip"), {}
    save_tokenizer(folder)
    for name, settings in MODELS.items():
        (folder / f"{name}.json").write_text(json.dumps(settings))
        open_clip.add_model_config(folder / f"{name}.json")
        model = open_clip.create_model(name).eval()
        fill_random(model)
        model.get_parameter("logit_scale").data.fill_(1.5)
        torch.save(model.state_dict(), folder / f"{name}.pt")
        made[name] = model, folder / f"{name}.pt"
    return made


@pytest.mark.parametrize("name", MODELS)
def test_texts_and_labels_are_open_clips(name, models, tmp_path):
    model, checkpoint = models[name]
    if name == "test-tiny":
        tokens = open_clip.get_tokenizer(name)(TEXTS)
    else:
        tokens = open_clip.tokenizer.HFTokenizer(str(checkpoint.parent), 20, clean="canonicalize")(TEXTS)
    flags = {"model_name": name, "checkpoint": checkpoint}
    ours = featmill.embed_text(TEXTS, "clip", **flags)
    unit = featmill.embed_text(TEXTS[0], "clip", normalize=True, **flags)
    clip = write_clip(tmp_path / "a.mp4", moving_frames(3), fps=4)
    (tmp_path / "labels.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    crops = {"crop_type": "3-crop", "resize": "short:40"} if name == "test-tiny" else {}
    video = featmill.extract(clip, "clip", precision="float32", show_pred=tmp_path / "labels.txt", **flags, **crops)
    with torch.inference_mode():
        texts = model.encode_text(tokens)
        rows = torch.nn.functional.normalize(torch.from_numpy(video["clip"]), dim=-1)
        logits = model.logit_scale.exp() * rows @ torch.nn.functional.normalize(texts, dim=-1).T
        logits = logits.mean(1) if crops else logits
        probabilities = logits.softmax(-1) if model.logit_bias is None else (logits + model.logit_bias).sigmoid()
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, texts, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(unit, model.encode_text(tokens[:1], normalize=True).detach(), rtol=1e-5, atol=1e-5)
    assert len(video.predictions["clip"]) == 3
    for row, expected in zip(video.predictions["clip"], probabilities, strict=True):
        assert [text for text, _ in row] == [TEXTS[i].strip() for i in expected.argsort(descending=True)]
        np.testing.assert_allclose([each for _, each in row], expected.sort(descending=True)[0], rtol=1e-4)


def test_what_a_checkpoint_or_the_hub_lacks_is_said(models, tmp_path, monkeypatch):
    model, _ = models["test-tiny"]
    image = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("visual.")}
    torch.save(image, tmp_path / "image.pt")
    with pytest.raises(UserError, match=r"image\.pt: has no text tower, only an image tower"):
        featmill.embed_text("a dog", "clip", model_name="test-tiny", checkpoint=tmp_path / "image.pt")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.save(models["test-tiny-siglip"][0].state_dict(), tmp_path / "b.pt")
    with pytest.raises(UserError, match="none/of-the-hub"):
        featmill.embed_text("a dog", "clip", model_name="test-tiny-siglip", checkpoint=tmp_path / "b.pt")
