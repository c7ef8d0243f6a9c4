"""JSON from files that may be damaged, or made to do harm."""

import pytest

from utils.storage.json_text import parse_json

DEEP = b"[" * 1_000_000


def test_json_is_read():
    assert parse_json('{"a": [1, null]}') == parse_json(b'{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", DEEP, b'{"a": ' + DEEP])
def test_what_is_no_json_or_nested_too_deep_raises_value_errors(text):
    with pytest.raises(ValueError):
        parse_json(text)
