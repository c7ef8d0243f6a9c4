"""Flags of one engine are refused where another runs."""

from typing import Any

import pytest

from utils.config.run import RunConfig
from utils.errors import UserError


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"cpus_per_worker": 2}, "--cpus_per_worker is about --engine ray"),
        ({"ray_address": "auto:1", "min_workers": 1}, "--ray_address is about --engine ray"),
        ({"engine": "ray", "device_ids": [0]}, "--engine ray takes --device auto, cuda or cpu"),
        ({"engine": "ray", "device": "mps"}, "--engine ray takes --device auto, cuda or cpu"),
    ],
)
def test_flags_of_the_other_engine_are_refused(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RunConfig(**flags)
