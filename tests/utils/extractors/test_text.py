"""Rows against texts."""

from pathlib import Path

import torch

from utils.extractors import text
from utils.extractors.text import Similarity, ZeroShot, embed_all

ROWS, TEXTS = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 5.0]])


class Letters:
    """A text as the numbers of its first two letters."""

    similarity = Similarity(scale=2.0, bias=-1.0, unit=False)
    n_calls = 0

    def embed(self, texts):
        self.n_calls += 1
        return torch.tensor([[float(ord(letter) - 96) for letter in each[:2]] for each in texts])


def test_products_of_vectors_or_of_their_directions() -> None:
    expected = ROWS @ TEXTS.T * 10 + 3
    torch.testing.assert_close(Similarity(10.0, 3.0, unit=False).logits(ROWS, TEXTS), expected)
    lengths = torch.tensor([[5.0], [2.0]]) * torch.tensor([1.0, 2**0.5, 5.0])
    torch.testing.assert_close(Similarity(10.0).logits(ROWS.half(), TEXTS), ROWS @ TEXTS.T / lengths * 10)


def test_many_texts_go_through_the_tower_in_parts(monkeypatch) -> None:
    monkeypatch.setattr(text, "TEXTS_AT_ONCE", 2)
    tower = Letters()
    assert embed_all(tower.embed, ["ab", "ba", "cc"]).tolist() == [[1, 2], [2, 1], [3, 3]]
    assert tower.n_calls == 2


def test_labels_of_a_file_are_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("ab\nba\n")
    classes = ZeroShot(str(tmp_path / "labels.txt"), Letters())
    assert classes.names == ["ab", "ba"]
    assert classes.logits(ROWS).tolist() == [[2 * 11 - 1, 2 * 10 - 1], [2 * 4 - 1, 2 * 2 - 1]]
