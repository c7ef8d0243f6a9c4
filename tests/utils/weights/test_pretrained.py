"""Table entries of published checkpoints."""

import pytest

from utils.weights.pretrained import Published


@pytest.mark.parametrize(
    "change", [{"name": "a/b"}, {"url": "ftp://example.org/a"}, {"sha256": "xyz"}, {"git_blob": ""}]
)
def test_a_mistake_in_a_table_is_refused(change):
    fields = {"name": "a", "url": "https://example.org/a", "licence": "MIT", "source": "x"}
    with pytest.raises(ValueError):
        Published(**{**fields, **change})
