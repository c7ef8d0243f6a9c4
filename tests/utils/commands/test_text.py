"""Vectors of texts, saved or printed."""

import uuid
from pathlib import Path
from typing import Any, cast

import fsspec
import numpy as np
import pytest

from models import MODELS
from utils.commands.text import _save_or_print, show_text
from utils.errors import UserError

VECTORS = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)


def test_what_is_printed_reads_back_to_the_bit(capsys: pytest.CaptureFixture[str]) -> None:
    _save_or_print(VECTORS, None)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_array_equal(np.array(rows, np.float32), VECTORS)


@pytest.mark.parametrize("place", ["", "memory"])
def test_saved_here_and_at_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    output = f"memory://{uuid.uuid4().hex}/x.npy" if place else "x.npy"
    _save_or_print(VECTORS, output)
    with fsspec.open(output, "rb") as file:
        np.testing.assert_array_equal(np.load(cast(Any, file)), VECTORS)
    assert capsys.readouterr().out == f"{output}: float32 [2, 3]\n"
    assert [path.name for path in tmp_path.rglob("*")] == ([] if place else ["x.npy"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a dog"], "give --like OUTPUT or --feature_type TYPE"),
        (["a dog", "--feature_type", "clop"], "did you mean clip"),
        (["a dog", "--feature_type", "clip", "--output", "x.txt"], "--output x.txt: must end in .npy"),
    ],
)
def test_wrong_commands(arguments: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words.replace(".", r"\.")):
        show_text(arguments, MODELS)
