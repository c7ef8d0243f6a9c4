"""Labels of --show_pred, with a tower that counts letters."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from models.transformers import labels
from models.transformers.labels import load_network, outputs_by_key
from utils.errors import UserError
from utils.extractors.text import Similarity


class Tower:
    similarity = Similarity(unit=False)

    def embed(self, texts):
        return torch.tensor([[float(len(text)), 1.0] for text in texts])

    def pooled(self, texts):
        return torch.full((len(texts), 3), 7.0)


@pytest.mark.parametrize("by_clip", [False, True])
def test_logits_are_of_the_rows_or_of_the_network(tmp_path: Path, monkeypatch, by_clip: bool) -> None:
    (tmp_path / "labels.txt").write_text("ab\nabcd\n")
    text = SimpleNamespace(by_clip=by_clip)
    monkeypatch.setattr(labels, "model_folder", lambda config: tmp_path)
    monkeypatch.setattr(labels, "text_of", lambda model, folder, config, device: Tower())
    monkeypatch.setattr(labels, "family", lambda config: ("x", SimpleNamespace(text=text)))
    config = SimpleNamespace(show_pred=str(tmp_path / "labels.txt"))
    extractor: Any = SimpleNamespace(config=config, device="cpu", zero_shot=None, keys=("x",))
    pooled = labels._texts(extractor, torch.nn.Identity())
    rows, own = torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0, 6.0]])
    if by_clip:
        assert pooled is not None and pooled.tolist() == [[7.0] * 3] * 2
        assert outputs_by_key(extractor, (rows, own))["logits/x"] is own
    else:
        assert pooled is None
        assert outputs_by_key(extractor, (rows,))["logits/x"].tolist() == [[2 + 2, 4 + 2]]


def test_without_labels_rows_are_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor: Any = SimpleNamespace(config=SimpleNamespace(show_pred="labels.txt"), zero_shot=None, keys=("a", "b"))
    assert list(outputs_by_key(extractor, (torch.zeros(1), torch.ones(1)))) == ["a", "b"]
    monkeypatch.setattr(labels, "family", lambda config: ("x", None))
    monkeypatch.setattr(labels, "no_text", lambda config: "its rows are tokens")
    with pytest.raises(UserError, match=r"--show_pred labels\.txt: its rows are tokens"):
        load_network(extractor)
