"""The command line: types, YAML, and errors that name what to type instead."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import MODELS
from utils.commands.cli import parse
from utils.commands.models import show_models
from utils.commands.status import show_status
from utils.commands.text import show_text
from utils.commands.weights import fetch_weights
from utils.config.run import RunConfig
from utils.errors import UserError

ROOT = Path(__file__).parents[3]
I3D = ["--feature_type", "i3d"]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))


def parsed(*arguments: str) -> tuple[RunConfig, dict[str, Any]]:
    return parse(arguments, MODELS)


def test_flags_fill_the_typed_settings():
    run, models = parsed(
        *I3D, "--device_ids", "0", "2", "--video_paths", "a.mp4", "b c.mkv", "--streams", "rgb", "--stack_size", "24",
        "--extraction_fps", "12.5", "--show_kinetics_pred",
    )  # fmt: skip
    model = models["i3d"]
    assert (run.device_ids, run.video_paths, run.on_extraction) == ([0, 2], ["a.mp4", "b c.mkv"], "print")
    assert (model.streams, model.stack_size, model.step_size) == (["rgb"], 24, 64)
    assert (model.extraction_fps, model.show_pred, model.flow_type) == (12.5, True, "pwc")


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path):
    file = tmp_path / "run.yml"
    file.write_text("feature_type: i3d\nstack_size: 24\nstep_size: 12\nshow_pred: true\nvideo_paths: [x.mp4]\n")
    run, models = parsed("--config", str(file), "--step_size", "6", "--no-show_pred")
    model = models["i3d"]
    assert run.feature_type == ["i3d"]
    assert run.video_paths == ["x.mp4"]
    assert (model.stack_size, model.step_size, model.show_pred) == (24, 6, False)


def test_several_types_share_flags_and_have_their_own(tmp_path):
    file = tmp_path / "run.yml"
    file.write_text("feature_type: [slowfast, vggish]\nlayers: true\nslowfast:\n  num_clips: 3\n")
    run, models = parsed("--config", str(file), "--vggish.average", "none", "--slowfast.num_clips", "2")
    assert run.feature_type == ["slowfast", "vggish"]
    assert (models["slowfast"].layers, models["vggish"].layers) == (True, True)
    assert (models["slowfast"].num_clips, models["vggish"].average) == (2, "none")
    assert models["slowfast"].average == "none"


def test_labels_are_for_types_with_a_text_tower_and_a_bare_flag_for_the_others(tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("a dog\n")
    both = ["--feature_type", "i3d", "clip", "--show_pred"]
    for arguments, expected in (
        ([*both, str(labels)], [False, str(labels)]),
        (both, [True, False]),
        ([*both, "no"], [False, False]),
        ([*both, "--clip.show_pred", str(labels)], [True, str(labels)]),
        (["--feature_type", "i3d", "clip", "--no-show_pred"], [False, False]),
    ):
        assert [model.show_pred for model in parsed(*arguments)[1].values()] == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*I3D, "--show_pred", "labels.txt"], ["show_pred is 'labels.txt'", "only types with a text tower"]),
        (["--feature_type", "clip", "--show_pred"], ["--show_pred needs a file of labels"]),
        (["--feature_type", "clip", "--show_pred", "no.txt"], ["--show_pred no.txt: not a file of labels"]),
        ([], ["--feature_type is missing", "i3d"]),
        (["--feature_type", "i3dd"], ["i3dd", "did you mean i3d"]),
        ([*I3D, "--stack_sise", "3"], ["--stack_sise is unknown", "did you mean --stack_size"]),
        (["--feature_type", "vggish", "--stack_size", "3"], ["not used by --feature_type vggish", "i3d"]),
        ([*I3D, "--stack_size", "many"], ["--stack_size", "many"]),
        ([*I3D, "--stack_size", "9"], ["--stack_size is 9", "at least 10"]),
        ([*I3D, "--step_size", "0"], ["--step_size is 0"]),
        ([*I3D, "--extraction_fps", "0"], ["--extraction_fps is 0"]),
        ([*I3D, "--extraction_fps", "nan"], ["--extraction_fps is nan"]),
        ([*I3D, "--min_side_size", "100"], ["--min_side_size is 100", "224"]),
        ([*I3D, "--streams", "rgb", "flw"], ["flw", "did you mean flow"]),
        ([*I3D, "--streams", "rgb", "rgb"], ["twice"]),
        ([*I3D, "--on_extraction", "save_nump"], ["did you mean save_numpy"]),
        ([*I3D, "--num_workers", "0"], ["--num_workers is 0"]),
        ([*I3D, "--limit", "0"], ["--limit is 0"]),
        ([*I3D, "--shard", "2/2"], ["--shard is 2/2", "0/4"]),
        ([*I3D, "--shard", "a/b"], ["--shard is a/b"]),
        ([*I3D, "--max_seconds", "nan"], ["--max_seconds is nan"]),
        (["--feature_type", "slowfast", "vggish", "--vggish.stack_size", "3"], ["vggish.stack_size is unknown"]),
        ([*I3D, "--device", "cpu", "--device_ids", "0"], ["exclude each other"]),
        ([*I3D, "--config", "absent.yml"], ["absent.yml", "no such file"]),
        ([*I3D, "stray"], ["stray"]),
        ([*I3D, "--stack_size"], ["--stack_size", "expected"]),
        (["\u2013feature_type", "i3d"], ["\u2013feature_type begins with a dash", "type --feature_type"]),
        ([*I3D, "\u2014i3d.stack-size=64"], ["type --i3d.stack-size"]),
        (["--feature_type", "i3d", __file__], ["files come after --video_paths"]),
        (["--feature-types", "i3d"], ["--feature-types is unknown (did you mean --feature_type?)"]),
        (["-V"], ["-V: commands have no hyphens", "version"]),
        (["--Models"], ["--Models: commands have no hyphens", "main.py models"]),
    ],
)
def test_a_wrong_command_says_what_to_type(arguments, words):
    with pytest.raises(UserError) as caught:
        parse(arguments, MODELS)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("feature_type: i3d\nstack_sise: 3\n", ["stack_sise is unknown", "did you mean stack_size"]),
        ("feature_type: i3d\nstack_size: many\n", ["stack_size", "'many'", "must be int"]),
        ("feature_type: i3d\nstreams: 7\n", ["streams", "choose from rgb, flow"]),
        ("feature_type: vggish\nflow_type: raft\n", ["flow_type is not used by --feature_type vggish"]),
        ("- a\n- b\n", ["flag: value"]),
        ("a: [", ["not readable as YAML"]),
        ("feature_type: [[i3d]]\n", ["feature_type"]),
        ("feature_type: 7\n", ["--feature_type 7"]),
        ("feature_type: [i3d, vggish]\nvggish:\n  stack_size: 3\n", ["vggish", "not used by --feature_type vggish"]),
        ("feature-type: i3d\nstack-size: many\n", ["stack_size", "'many'", "must be int"]),
        ("feature-type: i3d\ni3d:\n  stack-size: many\n", ["i3d", "stack_size", "'many'", "must be int"]),
        ("feature_type: i3d\nstack-size: 64\nstack_size: 64\n", ["given twice"]),
        ("feature_type: i3d\nvideo-list: a\nfile_with_video_paths: a\n", ["file_with_video_paths is given twice"]),
    ],
)
def test_a_wrong_file_says_which_key(tmp_path, text, words):
    file = tmp_path / "run.yml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        parse(["--config", str(file)], MODELS)
    assert all(word in str(caught.value) for word in words), str(caught.value)


TYPES = ("i3d", "vggish", "slowfast")
FLAGS = sorted(
    {f"--{spec.name}" for cls in (RunConfig, *(MODELS[name].config_class() for name in TYPES)) for spec in fields(cls)}
    | {"--video_list", "--vggish.layers", "--slowfast.num_clips", "--no-layers", "--"}
)
VALUES = (
    "i3d",
    "vggish",
    "slowfast",
    "0",
    "-1",
    "1e999",
    "nan",
    "0/2",
    "3/2",
    "a=b",
    "save_h5",
    "cpu",
    "é",
    "\udcff",
    "",
)


@given(
    st.sampled_from([[], I3D, ["--feature_type", "slowfast", "vggish"]]),
    st.lists(st.text(max_size=12) | st.sampled_from(FLAGS) | st.sampled_from(VALUES), max_size=12),
)
@settings(max_examples=EXAMPLES)
def test_any_command_is_understood_or_refused_in_one_line(types, rest):
    arguments = [*types, *rest]
    if {"-h", "--help"} & {argument.split("=")[0] for argument in arguments}:
        return
    try:
        parse(arguments, MODELS)
    except UserError as error:
        assert str(error)


def test_help_needs_no_torch_and_names_every_flag():
    code = "import sys, main; main.main(['--help'])"
    light = "import sys; assert not {'torch', 'ray'} & {*sys.modules}"
    probe = f"try:\n    exec({code!r})\nexcept SystemExit: pass\n{light}"
    result = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for flag in (
        "--stack_size N",
        "--streams rgb|flow",
        "--file_with_video_paths",
        "default: 64",
        "--vggish_backend",
    ):
        assert flag in result.stdout


STUMBLES = re.compile(
    r"\b(Raises|Returns|Yields|Args|Attributes):|\bNone\b|``|\b(let go of|suffices?|of its own|lies so|made anew)\b"
)


def test_help_is_written_for_users(capsys):
    """No section of a docstring, no value of Python, and no words that one reads twice."""
    helps = [partial(parse, ["--feature_type", name, "--help"], MODELS) for name in MODELS]
    helps += [partial(command, ["--help"], MODELS) for command in (show_models, fetch_weights, show_text)]
    for show in [*helps, partial(show_status, ["--help"])]:
        with pytest.raises(SystemExit):
            show()
        text = " ".join(capsys.readouterr().out.split())
        assert "--help" in text and not STUMBLES.search(text), STUMBLES.findall(text)
