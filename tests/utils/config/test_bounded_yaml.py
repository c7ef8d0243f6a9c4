import pytest
import yaml

from utils.config.bounded_yaml import DEEPEST, BoundedLoader

DEEP = "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)
LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcde", "bcdef", strict=True)
)


def load(text: str) -> object:
    return yaml.load(text, BoundedLoader)


def test_plain_settings_are_read():
    assert load("batch_size: 4\nstreams: [rgb, flow]\n") == {"batch_size": 4, "streams": ["rgb", "flow"]}
    assert load("a: &a [1]\nb: *a\n") == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (DEEP, "nested values"),
        (LAUGHS, "more than 100000 values"),
        ("a: &a [*a]", "holds itself"),
        ("a: " + "9" * 101, "a number of more than 100 characters"),
        ("a: 1\na: 2", "duplicate key a"),
        ("? [1]\n: 2", "a key that is not text"),
        ("9999999999999999999: 1", "is not text"),
    ],
)
def test_what_takes_long_or_says_two_things_is_refused(text, problem):
    with pytest.raises(yaml.YAMLError, match=problem):
        load(text)
