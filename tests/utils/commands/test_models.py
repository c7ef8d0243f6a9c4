"""What the command `models` shows, by the real table and by made-up types."""

import json

import pytest

from models import MODELS
from utils.commands.models import _shapes, _short, _size, show_models
from utils.errors import UserError


def test_words_choose_types_and_show_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_models(["Flow"], MODELS) == 0
    shown = capsys.readouterr().out
    names = [block.partition(":")[0] for block in shown.split("\n\n")]
    assert {"pwc", "raft", "tvl1", "i3d"} <= set(names) and "clip" not in names
    assert "no weights: nothing to download" in shown and "licence: " in shown
    assert max(map(len, shown.splitlines())) <= 80
    show_models(["transformers"], MODELS)
    shown = " ".join(capsys.readouterr().out.split())
    assert "videomae-base: 768 numbers a row, 86.2M parameters, 361 GFLOP a row, licence: cc-by-nc-4.0 " in shown
    with pytest.raises(UserError, match="no feature type has xyz or zyx"):
        show_models(["xyz", "zyx"], MODELS)


def test_json_has_every_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    show_models(["--json"], MODELS)
    found = {one["feature_type"]: one for one in json.loads(capsys.readouterr().out)}
    assert list(found) == list(MODELS)
    for name, model in MODELS.items():
        assert [file["name"] for file in found[name]["checkpoints"]] == [file.name for file in model.files()]
        assert any(file["default"] for file in found[name]["checkpoints"]) == bool(model.files())


def test_sizes_shapes_and_licences_in_a_few_words() -> None:
    exact, about = {"bytes": 1_500_000, "megabytes": 0}, {"bytes": None, "megabytes": 140}
    assert (_size([exact, exact]), _size([exact, about])) == ("3 MB", "~140 MB")
    assert _shapes({"rgb": "[windows, 8] of x", "flow": "[windows, 8]", "a … b": "[1]"}) == "2 x [windows, 8]"
    assert _shapes({"a": "[1]", "b": "[2]"}) == "[1]; [2]"
    assert [_short(text) for text in ("No licence stated by X", "MIT (of the code)", "tagged Apache-2.0: y")] == [
        "none stated", "MIT", "Apache-2.0",
    ]  # fmt: skip
