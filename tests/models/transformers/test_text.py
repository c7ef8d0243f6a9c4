"""Texts and labels with every family that has a text tower, against the library's own forward."""

import numpy as np
import pytest
import torch
from support.tiny_transformers import save, save_tokenizer

import featmill
from models.transformers.audio import AudioModelExtractor
from models.transformers.config import TransformersConfig
from models.transformers.extractor import make_extractor
from models.transformers.families import FAMILIES
from utils.errors import UserError
from utils.extractors.labels import best_classes

CPU = torch.device("cpu")
TEXTS = ["a dog runs", "the cat sleeps on the mat and the dog jumps"]
CASES = [(name, None) for name, kind in FAMILIES.items() if kind.text is not None and not kind.tower]
CASES += [("pe_audio_video", "video"), ("pe_audio_video", "audio")]
PIXELS = {
    "pe_video": (2, 2, 3, 32, 32),
    "pe_audio_video": (2, 2, 3, 32, 32),
    "clip": (2, 3, 16, 16),
    "siglip": (2, 3, 16, 16),
}


def batch_of(family, extractor):
    """Two windows as the pipeline gives them."""
    if isinstance(extractor, AudioModelExtractor):
        return {"samples": torch.randn(2, 48000, generator=torch.Generator().manual_seed(0)) / 4}
    shape = PIXELS.get(family, (2, 4, 3, 16, 16))
    return {"pixels": torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)}


def of_library(family, model, tokens, extractor, batch):
    """Return the texts' vectors and the probabilities of each window, as the model's own forward gives them."""
    kind = extractor._family
    if isinstance(extractor, AudioModelExtractor):
        values, *more = extractor.inputs(batch["samples"])
        inputs = {kind.inputs: values, **({"is_longer": more[0] > 0} if more else {})}
    else:
        inputs = {kind.inputs: extractor.pixel_values(batch["pixels"])}
    found = (getattr(model, kind.tower) if kind.tower else model)(**tokens, **inputs)
    if family.startswith("pe_"):
        name = "audio" if isinstance(extractor, AudioModelExtractor) else "video"
        return found[f"text_{name}_embeds"], found[f"logits_{name}_text"].sigmoid()
    texts = model.get_text_features(**tokens).pooler_output
    if family == "siglip":
        return texts, found.logits_per_image.sigmoid()
    if family == "videoprism":  # its softmax over the texts
        return texts, found.logits_per_text.T
    (name,) = (name for name in found if name.startswith("logits_per") and name != "logits_per_text")
    return texts, found[name].softmax(-1)


@pytest.mark.parametrize(("family", "stream"), CASES)
def test_texts_and_labels_are_the_librarys(family, stream, tmp_path, monkeypatch):
    model, _ = save(family, tmp_path)
    tokenizer, labels = save_tokenizer(tmp_path), tmp_path / "labels.txt"
    labels.write_text("\n".join([TEXTS[0], "", f" {TEXTS[1]} "]))
    padding = "max_length" if family in ("siglip", "videoprism") else True
    tokens = {**tokenizer(TEXTS, padding=padding, return_tensors="pt")}
    tokens.pop("token_type_ids", None)
    config = TransformersConfig(str(tmp_path), show_pred=str(labels), stream=stream)
    with monkeypatch.context() as patched:
        patched.setattr("utils.extractors.text.TEXTS_AT_ONCE", 1)
        patched.delattr("models.transformers.text.made_model")  # the model is not loaded once more
        extractor = make_extractor(config, {"transformers": tmp_path, "config": tmp_path / "config.json"}, CPU)
    batch = batch_of(family, extractor)
    with torch.inference_mode():
        texts, probabilities = of_library(family, model, tokens, extractor, batch)
        outputs = extractor.forward(batch)
    ours = torch.from_numpy(featmill.embed_text(TEXTS, "transformers", model_name=tmp_path, stream=stream))
    torch.testing.assert_close(ours, texts, rtol=1e-5, atol=1e-5)
    assert (ours[0] - ours[1]).abs().max() > 0.01 and outputs["transformers"].shape[1] == ours.shape[1]
    for logits, expected in zip(outputs["logits/transformers"], probabilities, strict=True):
        best = {name: probability for name, probability, _ in best_classes(logits.numpy(), extractor.classes())}
        np.testing.assert_allclose([best[text] for text in TEXTS], expected, rtol=1e-4, atol=1e-5)


def test_what_has_no_text_is_refused(tmp_path):
    for family, flags, message in (
        ("siglip", {"pool": "mean"}, "those of --projected are"),
        ("siglip", {}, "has no tokenizer that transformers can load"),
        ("vit", {}, "has no text tower; models of xclip, videoprism, pe_video, pe_audio_video, clip"),
    ):
        save(family, tmp_path / family)
        with pytest.raises(UserError, match=message):
            featmill.embed_text("a dog runs", "transformers", model_name=tmp_path / family, **flags)
