"""Addresses: what may be shown of them, and what their files are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.errors import UserError
from utils.storage.urls import base_name, is_url, redacted, resolve


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/a.mp4", "s3://bucket/a.mp4"),
        ("memory:///a.mp4", "memory:///a.mp4"),
        ("https://me:secret@host:8000/a.mp4?id=7#t=3", "https://host:8000/a.mp4?id=7"),
        ("https://host/a?X-Amz-Signature=abc&id=7&token=t", "https://host/a?X-Amz-Signature=…&id=7&token=…"),
        ("cannot open 's3://key:secret@bucket/a.mp4': no", "cannot open 's3://bucket/a.mp4': no"),
        ("a path/with: colons//and@signs", "a path/with: colons//and@signs"),
        ("http://[::1", "http://…"),
    ],
)
def test_credentials_are_not_shown(text, shown):
    assert redacted(text) == shown


@given(st.text(alphabet="abz0:/@?&=#%[]. ", max_size=30))
def test_a_password_is_never_shown(tail):
    assert "s3cr3t" not in redacted(f"https://user:s3cr3t@host/{tail}")
    assert "s3cr3t" not in redacted(f"https://host/a.mp4?sig=s3cr3t&{tail}")
    base_name(f"https://host/{tail}")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("s3://b/c/a.mp4", "a.mp4"),
        ("https://h/a.mp4?x=1/2", "a.mp4"),
        ("memory://a.csv", "a.csv"),
        ("s3://b/c/", "c"),
        ("c\\a.mp4", "a.mp4"),
    ],
)
def test_base_names(path, name):
    assert base_name(path) == name


def test_what_is_an_address():
    found = {text: is_url(text) for text in ("s3://a", "c:/a", "c://a", "./x://y", "http:/a")}
    assert [text for text in found if found[text]] == ["s3://a"]


def test_an_address_that_nothing_opens_is_refused():
    with pytest.raises(UserError, match="not an address that can be opened"):
        resolve("nosuchscheme://user:pw@host/x")
