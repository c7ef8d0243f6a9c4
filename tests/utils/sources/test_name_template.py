from pathlib import Path

import pytest

from utils.config.run import RunConfig
from utils.errors import UserError
from utils.sources.base import Mention
from utils.sources.inputs import collect
from utils.sources.name_template import PER_KEY, NameTemplate
from utils.sources.unique import find_repeats

VIDEO = Mention("a/b/clip.mp4", "b/clip", "a/b/clip.mp4")
WITH_ID = Mention("x/7", "x/7", "a/b/clip.mp4", has_id=True)


@pytest.mark.parametrize(
    ("text", "of_video", "of_row"),
    [
        ("{stem}__{crop}", "clip__3", "7__3"),
        ("{type}/{relative}-{key}", "i3d/b/clip-rgb", "i3d/x/7-rgb"),
        ("{id}", "clip", "x/7"),
    ],
)
def test_fields(text: str, of_video: str, of_row: str) -> None:
    template = NameTemplate.of(text)
    assert [template.name(video, "rgb", 3, "i3d") for video in (VIDEO, WITH_ID)] == [of_video, of_row]


def test_the_default_is_what_it_was() -> None:
    assert PER_KEY.name(VIDEO, "rgb") == "b/clip_rgb"


@pytest.mark.parametrize(
    "text",
    [
        "{key}", "../{stem}", "/{stem}", "a/../{stem}", "{stem}/", "a//{stem}", ".{stem}", "{stem}\n", "{stem}\\x",
        "{stem", "{stem!r}", "{stem:>9}", "{stem.path}", "{video}", "{}", "",
    ],
)  # fmt: skip
def test_tricks_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="--name_template"):
        NameTemplate.of(text)


def test_long_names_are_shortened_and_stay_apart() -> None:
    template = NameTemplate.of("{stem}_{stem}")
    names = [template.name(VIDEO._replace(name=f"{'a' * 170}{i}")) for i in range(2)]
    assert len(set(names)) == 2
    assert all(len(name) <= 180 for name in names)


def test_two_videos_of_one_name_are_refused() -> None:
    other = Mention("a/c/clip.mp4", "c/clip", "a/c/clip.mp4")
    assert find_repeats(lambda: [VIDEO, other]).n_videos == 2
    assert find_repeats(lambda: [VIDEO, VIDEO], template=NameTemplate.of("{stem}")).n_videos == 1
    with pytest.raises(UserError, match=r"would both write outputs called 'rgb/clip'.*\{relative\}"):
        find_repeats(lambda: [VIDEO, other], template=NameTemplate.of("rgb/{stem}"))
    closed = [Mention(f"{each}/.closed", f"{each}/.closed", each, refused=("failed", "no permission")) for each in "ab"]
    assert find_repeats(lambda: closed, template=NameTemplate.of("{stem}")).n_videos == 2


def test_names_that_are_not_known_before_keep_their_folders(tmp_path: Path) -> None:
    (tmp_path / "shard-000000.tar").touch()
    with pytest.raises(UserError, match=r"--name_template needs \{relative\} for tars"):
        collect(RunConfig(tar_path=[str(tmp_path / "shard-000000.tar")], name_template="{stem}_{key}"))
