"""Which columns of a data set are taken, by their names and types."""

from typing import Any

import pytest

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.hf_columns import is_plain, media_columns
from utils.sources.media_filter import MediaFilter

datasets = pytest.importorskip("datasets")
TEXT, BYTES, VIDEO = datasets.Value("string"), datasets.Value("binary"), datasets.Video()
AUDIO, NUMBER = datasets.Audio(), datasets.Value("int64")


class Rows:
    """The rows of a data set, of which only texts are looked at."""

    def __init__(self, **first: str) -> None:
        self.first = first

    def select_columns(self, names: list[str]) -> "Rows":
        return Rows(**{name: self.first[name] for name in names})

    def take(self, _n: int) -> list[dict[str, str]]:
        return [self.first]


def columns(features: dict, wants=("frames",), rows: Rows | None = None, **flags) -> tuple[str, ...]:
    looked_at: Any = rows or Rows()
    return media_columns(features, looked_at, MediaFilter([], wants), RunConfig(hf_dataset="x/y", **flags))


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"id": TEXT, "thumb": BYTES, "clip": VIDEO}, "clip"),
        ({"thumb": BYTES, "mp4": BYTES}, "mp4"),  # the usual names come first
        ({"clip": VIDEO, "video": VIDEO}, "video"),
    ],
)
def test_videos(features: dict, expected: str) -> None:
    assert columns(features) == (expected,)


def test_of_texts_the_one_that_names_files_is_taken() -> None:
    features = {"caption": TEXT, "where": TEXT}
    assert columns(features, rows=Rows(caption="a dog", where="a.mp4")) == ("where",)
    assert columns(features, rows=Rows(caption="a dog", where="https://host/a.mp4?x=1")) == ("where",)
    with pytest.raises(UserError, match="no column has videos; give --hf_video_column, one of caption, where"):
        columns(features, rows=Rows(caption="a dog", where="a cat"))


@pytest.mark.parametrize(
    ("wants", "flags", "expected"),
    [
        (("frames", "audio"), {}, ("clip", "sound")),
        (("audio",), {}, ("sound",)),
        (("frames",), {}, ("clip",)),
        (("audio",), {"hf_video_column": "clip"}, ("clip",)),
        (("frames", "audio"), {"hf_audio_column": "clip"}, ("clip",)),
    ],
)
def test_sound(wants: tuple, flags: dict, expected: tuple[str, ...]) -> None:
    assert columns({"clip": VIDEO, "sound": AUDIO, "n": NUMBER}, wants, **flags) == expected


def test_columns_that_the_user_names_are_checked() -> None:
    features = {"clip": VIDEO, "n": NUMBER}
    with pytest.raises(UserError, match=r"--hf_video_column clop: x/y has no such column.*did you mean clip"):
        columns(features, hf_video_column="clop")
    with pytest.raises(UserError, match="--hf_audio_column n: has neither videos, bytes nor paths"):
        columns(features, ("audio",), hf_audio_column="n")
    assert (is_plain(TEXT), is_plain(NUMBER), is_plain(BYTES), is_plain(VIDEO)) == (True, True, False, False)
