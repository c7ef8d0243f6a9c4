"""Whatever a video is called, its outputs stay in the output folder and can be written."""

import re
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from utils.sources.names import safe_id, safe_name, without_suffix

ANY_TEXT = st.text(st.characters(), max_size=300) | st.text("./\\:aB\0 ~-", max_size=20)


@given(ANY_TEXT)
@example("../../etc/passwd")
@example("/absolute")
@example("C:\\windows\\x")
@example("a/../../b")
@example("")
@example(".")
@example("a" * 5000)
@example("ü" * 179)
@example("/".join(["ab"] * 2000))
@example("nul\0byte")
@example("\ud800")
@example(".parts/ab/cd")
@example("manifest.jsonl/../x")
def test_names_stay_inside(text):
    name = safe_name(text)
    path = PurePosixPath(name)
    assert name
    assert not path.is_absolute()
    assert not PureWindowsPath(name).is_absolute()
    assert not re.match("[A-Za-z]:", name)  # newer Pythons take any character for a drive, Windows does not
    assert not any(part in ("", ".", "..") or part.startswith(".") for part in name.split("/"))
    assert "\\" not in name
    assert all(ord(character) >= 32 for character in name)
    assert all(len(part.encode()) <= 190 for part in path.parts)
    assert len(name.encode()) <= 1000
    assert safe_name(text) == name
    if name != text:
        assert safe_name(name) == name


@given(st.lists(ANY_TEXT, min_size=2, max_size=2, unique=True))
def test_two_names_do_not_become_one(texts):
    assert safe_name(texts[0]) != safe_name(texts[1])


@pytest.mark.parametrize("name", ["a b/c.d", "视频/1", "-dash", "[odd] name", "x@y,z=(1)", "v_GGSY1Qvo990"])
def test_ordinary_names_are_unchanged(name):
    assert safe_name(name) == name


@given(st.text(st.characters(exclude_characters="/"), min_size=1, max_size=20))
def test_suffixes_are_those_of_pathlib(name):
    if not name.endswith("."):  # its rule for those has changed with Python 3.14
        assert without_suffix(f"x/{name}") == f"x/{PurePosixPath(name).stem}" or name in (".", "..")


@given(ANY_TEXT)
def test_ids_can_be_encoded(text):
    assert safe_id(text).encode().decode() == safe_id(text)
