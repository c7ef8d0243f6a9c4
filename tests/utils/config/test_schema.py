"""Flags as fields of dataclasses: bounds and choices."""

import math
from dataclasses import dataclass

import pytest

from utils.config.schema import Config, flag
from utils.errors import UserError


@dataclass(frozen=True)
class Settings(Config):
    """A flag of each kind."""

    n: int = flag(8, "frames", group="test", at_least=2, note="frames, since one has no neighbour")
    rate: float | None = flag(None, "per second", group="test", above=0, at_most=1000)
    share: float = flag(0.5, "of all", group="test", above=0, below=1)
    clips: int = flag(-1, "clips", group="test", at_least=1, also=-1, note="or -1 for all")
    mode: str = flag("fast", "how", group="test", choices=("fast", "exact"))
    streams: list[str] = flag(["rgb"], "which", group="test", choices=("rgb", "flow"))


@pytest.mark.parametrize(
    "values",
    [{}, {"n": 2}, {"rate": 1000.0}, {"rate": 1e-9}, {"rate": None}, {"clips": 1}, {"clips": -1}, {"streams": []}],
)
def test_values_within_their_bounds_are_taken(values):
    assert vars(Settings(**values)).items() >= values.items()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n": 1}, "--n is 1; it must be at least 2 frames, since one has no neighbour"),
        ({"rate": 0.0}, "--rate is 0.0; it must be above 0 and at most 1000"),
        ({"rate": 1000.5}, "--rate is 1000.5; it must be above 0 and at most 1000"),
        ({"rate": math.nan}, "--rate is nan; it must be above 0 and at most 1000"),
        ({"share": 1.0}, "--share is 1.0; it must be above 0 and below 1"),
        ({"clips": 0}, "--clips is 0; it must be at least 1 or -1 for all"),
        ({"clips": -2}, "--clips is -2; it must be at least 1 or -1 for all"),
        ({"mode": "fats"}, "--mode is 'fats'; choose from fast, exact (did you mean fast?)"),
        ({"streams": ["rgb", "flw"]}, "--streams is 'flw'; choose from rgb, flow (did you mean flow?)"),
    ],
)
def test_a_value_out_of_bounds_says_what_is_in_them(values, message):
    with pytest.raises(UserError) as caught:
        Settings(**values)
    assert str(caught.value) == message
