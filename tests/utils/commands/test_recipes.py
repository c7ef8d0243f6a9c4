"""`--recipe` gives its settings, refuses what breaks them, and says what was changed."""

from pathlib import Path
from typing import Any

import pytest

from models import MODELS
from utils.commands.cli import parse
from utils.commands.recipes import show_recipes
from utils.config.recipe import recipe_names
from utils.config.run import RunConfig
from utils.errors import UserError

RECIPE = """
title: Two types
flags:
  feature_type: [resnet, vggish]
  on_extraction: save_npz
  resnet: {model_name: resnet18, extraction_fps: 2}
  panns: {window_s: 2}
choices: {resnet.model_name: [resnet34], panns.hop_s: [0.5]}
not_settled: [the resize]
"""


def parsed(*arguments: str) -> tuple[RunConfig, dict[str, Any]]:
    """Return the settings of a run, and those of each feature type."""
    run, configs = parse(arguments, MODELS)
    return run, dict(configs)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "two.yaml"
    path.write_text(RECIPE)
    return str(path)


def test_a_recipe_is_a_layer_below_the_file_and_the_flags(recipe: str, tmp_path: Path) -> None:
    run, configs = parsed("--recipe", recipe, "--weights", "random", "--resnet.model_name", "resnet34")
    assert (run.feature_type, run.on_extraction, run.weights) == (["resnet", "vggish"], "save_npz", "random")
    assert (configs["resnet"].model_name, configs["resnet"].extraction_fps) == ("resnet34", 2.0)
    assert run.recipe is not None and run.recipe.startswith("two@") and "unlike" not in run.recipe
    config = tmp_path / "run.yaml"
    config.write_text(f"recipe: {recipe}\nlimit: 3\nfeature_type: [panns]\nhop_s: 0.5\n")
    run, configs = parsed("--config", str(config))
    assert (run.feature_type, run.limit, configs["panns"].window_s) == (["panns"], 3, 2.0)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--extraction_fps", "3"], ["sets --resnet.extraction_fps 2.0, not 3.0", "--unlike_recipe"]),
        (["--model_name", "resnet50"], ["--resnet.model_name resnet18, not resnet50"]),
        (["--on_extraction", "save_numpy"], ["--on_extraction save_npz, not save_numpy"]),
        (["--precision", "bf16"], ["--precision auto, not bf16"]),
        (["--dtype", "float16", "--concat"], ["--dtype float32, not float16", "--concat False, not True"]),
        (["--align", "vggish"], ["--align None, not vggish"]),
        (["--vggish.postprocess", "--max_seconds", "9"], ["--vggish.postprocess False, not True", "--max_seconds"]),
        (["--feature_type", "clip"], ["extracts panns, resnet, vggish: drop --feature_type clip"]),
    ],
)
def test_flags_that_break_a_recipe_are_refused(recipe: str, flags: list[str], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        parse(["--recipe", recipe, *flags], MODELS)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_unlike_recipe_records_what_is_changed(recipe: str) -> None:
    run, configs = parsed("--recipe", recipe, "--extraction_fps", "3", "--unlike_recipe")
    assert configs["resnet"].extraction_fps == 3.0
    assert run.recipe is not None and run.recipe.endswith("; unlike it: --resnet.extraction_fps 3.0, not 2.0")


def test_a_setting_that_no_type_has_is_refused(recipe: str) -> None:
    Path(recipe).write_text(RECIPE.replace("model_name: resnet18", "model_nam: resnet18"))
    with pytest.raises(UserError, match=r"--recipe two: resnet: model_nam is unknown \(did you mean model_name"):
        parse(["--recipe", recipe], MODELS)
    Path(recipe).write_text(RECIPE.replace("window_s: 2", "windows: 2"))  # of a type that is not extracted
    with pytest.raises(UserError, match="panns: windows is unknown"):
        parse(["--recipe", recipe], MODELS)


def test_one_type_alone_has_nothing_to_align_with(recipe: str) -> None:
    Path(recipe).write_text(RECIPE.replace("flags:", "flags:\n  align: vggish"))
    assert parsed("--recipe", recipe)[0].align == "vggish"
    assert parsed("--recipe", recipe, "--feature_type", "resnet")[0].align is None


def test_flags_that_change_no_feature_are_accepted(recipe: str) -> None:
    Path(recipe).write_text(RECIPE.replace("flags:", "flags:\n  output_path: one\n  device: cpu"))
    run, _ = parsed("--recipe", recipe, "--output_path", "two", "--precision", "float32", "--batch_size", "4")
    assert run.output_path == "two" and run.recipe is not None and "unlike" not in run.recipe


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("resnet.model_nam: [resnet34]", r"resnet.model_nam is no flag of .*\(did you mean resnet.model_name\?\)"),
        ("resnt.model_name: [resnet34]", "did you mean resnet.model_name"),
        ("dtipe: [float16]", "did you mean dtype"),
        ("clip.pool: [mean]", "clip.pool is no flag of vggish, panns, resnet"),
        ("resnet.model_name: [resnt34]", "--resnet.model_name cannot be resnt34"),
        ("panns.hop_s: [0.5, no]", "--panns.hop_s cannot be False"),
    ],
)
def test_choices_that_no_flag_has_are_refused(recipe: str, choice: str, words: str) -> None:
    Path(recipe).write_text(RECIPE.replace("resnet.model_name: [resnet34], panns.hop_s: [0.5]", choice))
    with pytest.raises(UserError, match=f"--recipe two: choices: .*{words}"):
        parse(["--recipe", recipe, "--weights", "random"], MODELS)


def test_choices_are_values_as_a_flag_takes_them(recipe: str) -> None:
    Path(recipe).write_text(RECIPE.replace("[resnet34]", "[resnet34], extraction_fps: ['4']"))
    _, configs = parsed("--recipe", recipe, "--resnet.extraction_fps", "4")
    assert configs["resnet"].extraction_fps == 4.0


def test_choices_are_lists_and_flags_a_mapping(recipe: str) -> None:
    for part, words in (
        ("choices: {resnet.model_name: resnet34}", "resnet.model_name must be a list"),
        ("flags: [3]", "flags must be a mapping"),
    ):
        Path(recipe).write_text(f"flags: {{feature_type: resnet}}\n{part}\n" if "choices" in part else part)
        with pytest.raises(UserError, match=words):
            parse(["--recipe", recipe], MODELS)


def test_unlike_recipe_is_for_a_recipe() -> None:
    with pytest.raises(UserError, match="--unlike_recipe is for --recipe"):
        parse(["--feature_type", "resnet", "--unlike_recipe"], MODELS)


@pytest.mark.parametrize("name", recipe_names())
def test_each_recipe_gives_settings(name: str) -> None:
    run, configs = parsed("--recipe", name)
    assert configs and run.recipe is not None and run.recipe.startswith(f"{name}@")


def test_recipes_are_listed_and_shown(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_recipes([]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{listed}" for name in recipe_names())
    assert show_recipes([recipe]) == 0
    shown = capsys.readouterr().out
    for line in (
        f"--recipe {recipe} ",
        "--resnet.extraction_fps 2",
        "--panns.hop_s may be 0.5",
        "not settled:",
        "- the resize",
    ):
        assert line in shown
