from pathlib import Path

import pytest

from utils.config import label_file
from utils.config.label_file import read_labels
from utils.errors import UserError


def test_lines_without_spaces_around_them_and_without_empty_ones(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("\ufeffa dog \r\n\n  кошка\nthe end".encode())
    assert read_labels(str(tmp_path / "labels.txt")) == ["a dog", "кошка", "the end"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"\xff", "can't decode"), (b"123456", "more than 5 bytes"), (b" \n\n", "has no label")],
)
def test_anything_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, words: str
) -> None:
    monkeypatch.setattr(label_file, "MOST_BYTES", 5)
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=rf"--show_pred .*x: .*{words}"):
        read_labels(str(tmp_path / "x"))
