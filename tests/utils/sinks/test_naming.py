"""Names in formats that give some characters a special meaning."""

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webdataset.tariterators import base_plus_ext

from utils.sinks.naming import group_paths, sample_key, valid_text

ANY = st.text(st.characters(), max_size=12)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("clip", "clip"),
        ("folder/clip", "folder/clip"),
        ("v1.0/clip", "v1.0/clip"),
        ("ünder/ключ", "ünder/ключ"),
        ("clip.final", "clip_final-"),
        ("__tmp__/clip", "_tmp__/clip-"),
        ("../clip", "_/clip-"),
        ("a\\b", "a_b-"),
    ],
)
def test_sample_keys_keep_harmless_names(name, key):
    made = sample_key(name, "id")
    assert made == key if not key.endswith("-") else made.startswith(key) and len(made) == len(key) + 8


@given(ANY, ANY)
def test_webdataset_finds_key_and_suffix_again(name, video_id):
    key = sample_key(name, video_id)
    assert base_plus_ext(f"{key}.rgb.npy") == (key, "rgb.npy")
    assert not {"", ".", ".."} & set(key.split("/"))
    key.encode()


@given(ANY)
def test_group_paths_have_a_meaning_in_hdf5(name):
    first, second = itertools.islice(group_paths(name), 2)
    assert first != second
    assert not {"", ".", ".."} & set(first.split("/"))
    assert not {"", "."} & set(second.split("/"))
    assert "\0" not in first
    first.encode()


def test_text_keeps_what_utf8_can_hold():
    assert valid_text("clip/ü 1.mp4") == "clip/ü 1.mp4"
    assert valid_text(os.fsdecode(b"\xff\xfe.mp4")) == "\\udcff\\udcfe.mp4"
    assert valid_text("a\0b") == "a\\x00b"
