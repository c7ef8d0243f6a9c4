"""Fixtures of all models."""

from collections.abc import Iterator

import pytest

from utils.nn.skip_init import SkipInit


@pytest.fixture(scope="module")
def skip_init() -> Iterator[None]:
    """Build networks without initial values, as the program does, in modules that give all of them weights."""
    with SkipInit():
        yield
