"""Flags as fields of dataclasses: bounds, choices, and values from files."""

import dataclasses
import math
from dataclasses import dataclass

import pytest

from models import MODELS
from utils.config.run import RunConfig
from utils.config.schema import Config, build, flag, read_yaml, value_type
from utils.errors import UserError


@dataclass(frozen=True)
class Settings(Config):
    """A flag of each kind."""

    n: int = flag(8, "frames", group="test", at_least=2, note="frames, since one has no neighbour")
    rate: float | None = flag(None, "per second", group="test", above=0, at_most=1000)
    share: float = flag(0.5, "of all", group="test", above=0, below=1)
    clips: int = flag(-1, "clips", group="test", at_least=1, also=-1, note="or -1 for all")
    mode: str = flag("fast", "how", group="test", choices=("fast", "exact"))
    streams: list[str] = flag(["rgb"], "which", group="test", choices=("rgb", "flow"))


@pytest.mark.parametrize(
    "values",
    [{}, {"n": 2}, {"rate": 1000.0}, {"rate": 1e-9}, {"rate": None}, {"clips": 1}, {"clips": -1}, {"streams": []}],
)
def test_values_within_their_bounds_are_taken(values):
    assert vars(Settings(**values)).items() >= values.items()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n": 1}, "--n is 1; it must be at least 2 frames, since one has no neighbour"),
        ({"rate": 0.0}, "--rate is 0.0; it must be above 0 and at most 1000"),
        ({"rate": 1000.5}, "--rate is 1000.5; it must be above 0 and at most 1000"),
        ({"rate": math.nan}, "--rate is nan; it must be above 0 and at most 1000"),
        ({"share": 1.0}, "--share is 1.0; it must be above 0 and below 1"),
        ({"clips": 0}, "--clips is 0; it must be at least 1 or -1 for all"),
        ({"clips": -2}, "--clips is -2; it must be at least 1 or -1 for all"),
        ({"mode": "fats"}, "--mode is 'fats'; choose from fast, exact (did you mean fast?)"),
        ({"streams": ["rgb", "flw"]}, "--streams is 'flw'; choose from rgb, flow (did you mean flow?)"),
    ],
)
def test_a_value_out_of_bounds_says_what_is_in_them(values, message):
    with pytest.raises(UserError) as caught:
        Settings(**values)
    assert str(caught.value) == message


@dataclass(frozen=True)
class Typed(Config):
    """A field of each type."""

    integer: int = flag(1, "", group="test")
    number: float = flag(1.0, "", group="test")
    truth: bool = flag(False, "", group="test")
    text: str = flag("", "", group="test")
    maybe: int | None = flag(5, "", group="test")
    texts: list[str] = flag([], "", group="test")
    integers: list[int] = flag([], "", group="test")


def read(tmp_path, line):
    file = tmp_path / "run.yml"
    file.write_text(f"{line}\n")
    return build(Typed, [("run.yml", read_yaml(str(file)))])


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("integer: 7", 7),
        ("integer: '7'", 7),
        ("number: 2", 2.0),
        ("number: 1e-3", 0.001),
        ("number: '.5'", 0.5),
        ("number: .inf", math.inf),
        ("truth: on", True),
        ("truth: 'No'", False),
        ("truth: 2", True),
        ("truth: '0'", False),
        ("text: 25", "25"),
        ("text: 1.5", "1.5"),
        ("text: yes", "True"),
        ("text: 2024-01-02", "2024-01-02"),
        ("text: 2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("text: ${oc.env:HOME}", "${oc.env:HOME}"),
        ("maybe: null", None),
        ("maybe: 6", 6),
        ("texts: [a, 1, true]", ["a", "1", "True"]),
        ("texts: []", []),
        ("texts: a b", ["a b"]),
        ("integers: ['1', 2]", [1, 2]),
    ],
)
def test_a_file_gives_values_of_the_fields_types(tmp_path, line, value):
    found = getattr(read(tmp_path, line), line.partition(":")[0])
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("integer: 1.0", "run.yml: integer is 1.0; it must be int"),
        ("integer: true", "run.yml: integer is True; it must be int"),
        ("integer: null", "run.yml: integer is None; it must be int"),
        ("number: many", "run.yml: number is 'many'; it must be float"),
        ("number: false", "run.yml: number is False; it must be float"),
        ("truth: 1.0", "run.yml: truth is 1.0; it must be bool"),
        ("truth: perhaps", "run.yml: truth is 'perhaps'; it must be bool"),
        ("text: [a]", "run.yml: text is ['a']; it must be str"),
        ("text: {a: 1}", "run.yml: text is {'a': 1}; it must be str"),
        ("texts: {a: b}", "run.yml: texts is {'a': 'b'}; it must be a list of str"),
        ("texts: [[a]]", "run.yml: texts is [['a']]; it must be a list of str"),
        ("texts: [null]", "run.yml: texts is [None]; it must be a list of str"),
        ("integers: [1.5]", "run.yml: integers is [1.5]; it must be a list of int"),
    ],
)
def test_a_value_of_another_type_says_which_one_is_wanted(tmp_path, line, message):
    with pytest.raises(UserError) as caught:
        read(tmp_path, line)
    assert str(caught.value) == message


def test_later_layers_win():
    layers = [("file", {"integer": 2, "text": "file", "of another class": 0}), ("flags", {"text": "flag"})]
    assert build(Typed, layers) == Typed(integer=2, text="flag")


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_an_empty_file_sets_nothing(tmp_path, text):
    (tmp_path / "run.yml").write_text(text)
    assert read_yaml(str(tmp_path / "run.yml")) == {}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"text: a\ntext: b\n", "not readable as YAML (line 2: found duplicate key text)"),
        (
            b"text: [a\n",
            "(line 2: while parsing a flow sequence from line 1: expected ',' or ']', but got '<stream end>')",
        ),
        (b"a: 1\ntext: b: c\n", '(line 2: mapping values are not allowed here); write "flag: value" on each line'),
        (b"text: \xff\n", "invalid start byte); save it as UTF-8"),
        (b"text: !!python/object:os.system {}\n", "not readable as YAML"),
        (b"7: a\n", "must hold `flag: value` lines, found dict"),
        (b"text\n", "must hold `flag: value` lines, found str"),
    ],
)
def test_a_file_that_is_no_settings_says_so(tmp_path, data, words):
    (tmp_path / "run.yml").write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_yaml(str(tmp_path / "run.yml"))
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_help_calls_values_what_they_are():
    for cls in (RunConfig, *(model.config_class() for model in MODELS.values())):
        for spec in dataclasses.fields(cls):
            kind, _ = value_type(cls, spec.name)
            named = kind in (bool, int) or spec.metadata["choices"] or spec.metadata["metavar"] != "N"
            assert named, f"--{spec.name} is called N"
