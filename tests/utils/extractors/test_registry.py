"""What a feature type's entry says, by the modules that it names."""

import sys
from types import SimpleNamespace

import pytest

from utils.config.schema import Config
from utils.extractors.registry import Model, load_object

PLAIN = SimpleNamespace(FILES=("a", "b"), needs=lambda config: {"net": config})
CHOOSING = SimpleNamespace(
    media=lambda config: "audio", outputs=lambda config: {"x": "[1]"}, settings=lambda config: {"more": 1},
    no_text=lambda config: "pixels", flags_of=lambda settings: {"flag": settings["recorded"]},
)  # fmt: skip


def model(module: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setitem(sys.modules, "pretrained_for_test", module)
    return Model("utils.config.schema:Config", "", "pretrained_for_test", "", {"rgb": "[windows, 3]"})


def test_what_the_table_says_holds_where_the_configuration_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, config, settings = model(PLAIN, monkeypatch), Config(), {"a": 1}
    assert plain.config_class() is Config
    assert (plain.files(), plain.needs(config)) == (("a", "b"), {"net": config})
    assert (plain.media_of(config), plain.outputs_of(config)) == ("visual", {"rgb": "[windows, 3]"})
    assert (plain.no_text(config), plain.flags_of(settings), plain.more_settings(config)) == ("", settings, {})


def test_what_the_configuration_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    choosing, config = model(CHOOSING, monkeypatch), Config()
    assert (choosing.media_of(config), choosing.outputs_of(config)) == ("audio", {"x": "[1]"})
    assert (choosing.no_text(config), choosing.more_settings(config)) == ("pixels", {"more": 1})
    assert choosing.flags_of({"recorded": 3}) == {"flag": 3}


def test_objects_by_their_dotted_path() -> None:
    assert load_object("utils.extractors.registry:Model") is Model
    with pytest.raises(AttributeError):
        load_object("utils.extractors.registry:Absent")
