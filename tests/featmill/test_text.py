"""Arguments of `embed_text`, without a network; tests/end_to_end/test_text.py has one."""

import numpy as np
import pytest

import featmill
from featmill import text


def test_a_single_text_makes_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def embed(texts, run, name, flags, models, device, warn, record):
        given.append((texts, run.weights_dir, name, flags, device, record))
        return np.zeros((len(texts), 3))

    monkeypatch.setattr(text, "embed_texts", embed)
    assert featmill.embed_text("a dog", "clip", device="cpu", model_name="ViT-B/16", weights_dir="w").shape == (1, 3)
    assert featmill.embed_text(("a", "b"), "clip", device="cpu").shape == (2, 3)
    assert given == [
        (["a dog"], "w", "clip", {"model_name": "ViT-B/16"}, "cpu", None),
        (["a", "b"], None, "clip", {}, "cpu", None),
    ]


def test_what_is_wrong_is_named(tmp_path) -> None:
    with pytest.raises(featmill.UserError, match="give a feature type, or like="):
        featmill.embed_text("a dog")
    with pytest.raises(featmill.UserError, match="texts must be one str, or several"):
        featmill.embed_text([b"a dog"], "clip", device="cpu")  # pyright: ignore[reportArgumentType]  # wrong on purpose
    with pytest.raises(featmill.UserError, match="no manifest"):
        featmill.embed_text("a dog", like=tmp_path)
