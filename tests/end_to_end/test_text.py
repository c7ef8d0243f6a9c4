"""Texts in the space of saved features, and labels printed for each window, by the command line."""

import json
import re

import numpy as np
import pytest
import torch
from support.media import moving_frames, write_clip
from support.program import arrays, run
from support.tiny_transformers import save, save_tokenizer

import featmill
from main import main

TEXTS = ["a dog runs", "a cat sleeps on the mat"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model's folder, and the outcome of a run of it with labels."""
    root = tmp_path_factory.mktemp("text")
    model, _ = save("siglip", root / "model")
    tokenizer = save_tokenizer(root / "model")
    (root / "labels.txt").write_text("\n".join(TEXTS))
    clip = write_clip(root / "a.mp4", moving_frames(2), fps=4)
    done = run(
        "--feature_type", "transformers", "--model_name", root / "model", "--show_pred", root / "labels.txt",
        "--video_paths", clip, "--output_path", root / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return root, model, tokenizer, done.stdout


def test_texts_are_in_the_space_of_saved_features(made, capsys):
    root, model, tokenizer, shown = made
    assert main(["text", *TEXTS, "--like", str(root / "out"), "--output", str(root / "texts.npy")]) == 0
    assert capsys.readouterr().out == f"{root}/texts.npy: float32 [2, 16]\n"
    with torch.inference_mode():
        expected = model.get_text_features(
            tokenizer(TEXTS, padding="max_length", return_tensors="pt")["input_ids"],
            tokenizer(TEXTS, padding="max_length", return_tensors="pt")["attention_mask"],
        ).pooler_output
    vectors = np.load(root / "texts.npy")
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(featmill.embed_text(TEXTS, like=root / "out"), vectors)
    assert main(["text", TEXTS[0], "--feature_type", "transformers", "--model_name", str(root / "model")]) == 0
    printed = np.array(capsys.readouterr().out.split(), np.float32)
    np.testing.assert_array_equal(printed, featmill.embed_text(TEXTS[0], like=root / "out")[0])
    (rows,) = (array for name, array in arrays(root / "out").items() if name.endswith("a_transformers.npy"))
    cosines = (rows @ vectors.T) / np.linalg.norm(rows, axis=1)[:, None] / np.linalg.norm(vectors, axis=1)
    logits = cosines * model.logit_scale.exp().item() + model.logit_bias.item()
    lines = re.findall(r"^ +(-?\d\S+)  (\S+)  (.*)$", shown, re.MULTILINE)
    assert len(lines) == 4
    for row, both in zip(logits, (lines[:2], lines[2:]), strict=True):
        for logit, probability, text in both:
            assert float(logit) == pytest.approx(row[TEXTS.index(text)], abs=1e-3)
            assert float(probability) == pytest.approx(1 / (1 + np.exp(-float(logit))), abs=1e-3)
    check_page(root, cosines)


def check_page(root, cosines):
    """The labels that --show_pred saved, and those of --labels, are on the page's time axis."""
    page = root / "page"
    arguments = ["view", str(root / "out"), "--labels", str(root / "labels.txt"), "--export", str(page)]
    assert main(arguments) == 0
    content = (page / "data/video-0.js").read_text().partition(",")[2].rstrip().removesuffix(");")
    saved, asked = json.loads(content)["classes"]
    assert (saved["what"], asked["what"]) == ("probability", "cosine") and saved["start_s"] == asked["start_s"]
    for found in (saved, asked):
        best = [[found["names"][i] for i in row] for row in found["best"]]
        assert best == [[TEXTS[i] for i in np.argsort(-row)] for row in cosines]
    shares = [asked["shares"][asked["lanes"].index(text)] for text in TEXTS]
    np.testing.assert_allclose(np.transpose(shares), cosines, atol=1e-4)


def test_other_spaces_and_wrong_words_are_refused_in_one_line(made, capsys):
    root = made[0]
    model, labels, like = str(root / "model"), str(root / "labels.txt"), ["--like", str(root / "out")]
    for arguments, message in (
        (["text", "a dog"], "text: give --like OUTPUT or --feature_type TYPE"),
        (["text", *like], "the following arguments are required: SENTENCE"),
        (["text", "", *like], "none of them empty"),
        (["text", "a dog", *like, "--output", "a.txt"], "--output a.txt: must end in .npy"),
        (["text", "a dog", *like, "--pool", "mean"], f"{root}/out/transformers: features of --pool or --layer are not"),
        (["text", "a dog", "--feature_type", "i3d"], "i3d has no text tower; feature types with one: clip, transf"),
        (["text", "a dog", "--feature_type", "clop"], "did you mean clip"),
        (["--feature_type", "i3d", "--show_pred", labels], "only types with a text tower, such as clip, take a file"),
        (["--feature_type", "clip", "--show_pred"], "--show_pred needs a file of labels"),
        (["--feature_type", "transformers", "--model_name", model, "--show_pred", "no.txt"], "no.txt: not a file of"),
    ):
        assert main(arguments) == 2, arguments
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error


def test_features_of_a_model_that_changed_are_refused(made, tmp_path):
    root = made[0]
    weights = root / "model" / "model.safetensors"
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(featmill.UserError, match="its features were made with other weights than"):
        featmill.embed_text("a dog", like=root / "out")
    weights.write_bytes(before)
