import pytest

from models import MODELS
from utils.config.run import RunConfig
from utils.config.schema import build
from utils.errors import UserError
from utils.run.prepare import Requested, Resources, prepare


def test_crops_are_an_axis_that_columns_have_no_room_for() -> None:
    model = MODELS["clip"]
    run = RunConfig(weights="random", on_extraction="save_npz", array_layout="columns")
    config = build(model.config_class(), [("test", {"crop_type": "5-crop"})])
    with pytest.raises(UserError, match=r"clip gives \[frames, crops, 512\]"):
        prepare(run, {"clip": Requested(model, config)}, Resources(("cpu",), 1, 1), "")
