import pytest

from utils.media.frame_folder import is_pattern, numbered


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (["000001.jpg", "000002.jpg"], ["%06d.jpg"]),
        (["098.png", "099.png", "100.png", "1000.png"], ["%03d.png"]),
        (["0.jpg", "9.jpg", "10.jpg"], ["%d.jpg"]),
        (["9.jpg", "10.jpg", "011.jpg", "012.jpg"], ["%03d.jpg", "%d.jpg"]),
        (["img_00001.jpg", "flow_x_00001.jpg", "flow_y_00001.jpg"], ["img_%05d.jpg"]),
        (["x_01.jpg", "x_02.jpg", "y_01.jpg"], ["x_%02d.jpg"]),
        (["a1.jpg", "a2.jpg", "b1.jpg", "b2.jpg"], ["a%d.jpg", "b%d.jpg"]),
        (["a1.jpg", "a2.jpg", "cover1.jpg"], ["a%d.jpg"]),
        (["a2_01.jpg", "a2_02.jpg", "._a2_01.jpg", "Thumbs.db", "cover.jpg"], ["a2_%02d.jpg"]),
        (["1.txt", "notes", "é.jpg"], []),
    ],
)
def test_the_kinds_of_numbered_pictures(names: list[str], patterns: list[str]) -> None:
    assert sorted(one.pattern for one in numbered("", names)) == patterns


def test_paths_are_those_of_the_pictures() -> None:
    names = ["f098.jpg", "f100.jpg", "f1000.jpg"]
    found = numbered("v", names)[0]
    assert list(found.numbers) == [98, 100, 1000]
    assert [found.path(number) for number in found.numbers] == [f"v/{name}" for name in names]
    assert found.has("f101.jpg") and not found.has("g101.jpg")
    assert [list(one.numbers) for one in numbered("v", [*names, "g1.jpg"], "g%d.jpg")] == [[1]]
    assert not numbered("v", names, "f%06d.jpg")


def test_patterns() -> None:
    assert is_pattern("v/%06d.jpg") and is_pattern("img_%d.PNG")
    assert not is_pattern("v%06d/clip.jpg") and not is_pattern("50%discount.mp4") and not is_pattern("v/1.jpg")
