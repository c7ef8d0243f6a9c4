import json
from pathlib import Path

import pytest

from models.transformers.families import AUDIO_TOWERS, FAMILIES, family_of, read_settings
from utils.errors import UserError


def test_a_model_s_family_is_what_its_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vivit", "hidden_size": 3}))
    settings = read_settings(tmp_path)
    assert settings["hidden_size"] == 3
    assert family_of(settings, "x") == ("vivit", FAMILIES["vivit"])
    with pytest.raises(UserError, match=r"--model_name my/model: is of the family 'vivid'.*did you mean vivit"):
        family_of({"model_type": "vivid"}, "my/model")


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config\.json: not the configuration of a model"):
        read_settings(tmp_path)


def test_the_table_holds_together() -> None:
    """A family has a projected vector exactly if it has a space shared with text or cannot do without one."""
    for family in (*FAMILIES.values(), *AUDIO_TOWERS.values()):
        assert bool(family.text) == bool(family.projected)
        assert (family.window_s is None) or family.input_kind == "audio"
        assert family.pool != "cls" or family.class_tokens
