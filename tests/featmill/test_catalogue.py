import json

import pytest

import featmill
from models import MODELS
from utils.commands.models import show_models


def test_rows_are_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    rows = featmill.models()
    assert [row["feature_type"] for row in rows] == list(MODELS)
    show_models(["--json"], MODELS)
    assert json.loads(json.dumps(rows)) == json.loads(capsys.readouterr().out)
