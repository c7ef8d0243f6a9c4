"""The command line as newcomers type it: spellings, hints, files of settings, and what is said at first and at last."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from support.media import moving_frames, write_clip
from support.program import ROOT, TINY_PROGRAM, arrays, manifest, run, run_anew

from main import main

TINY = ("--feature_type", "tiny", "--device", "cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of five frames."""
    return write_clip(tmp_path_factory.mktemp("clips") / "a.mp4", moving_frames(5))


def test_an_output_path_saves_and_the_run_file_has_the_command(tmp_path: Path, clip: Path) -> None:
    arguments = [*TINY, "--video-paths", str(clip), "--output-path", str(tmp_path / "my out")]
    done = run(*arguments, program=TINY_PROGRAM)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == f"features are saved in {tmp_path / 'my out'} (--on_extraction save_numpy)"
    assert arrays(tmp_path / "my out" / "tiny")["a_tiny.npy"].shape == (5, 1)
    (run_file,) = (tmp_path / "my out" / "tiny").glob("run-*.json")
    assert shlex.split(json.loads(run_file.read_text())["command"]) == ["python", "main.py", *arguments]


def test_a_list_flag_given_twice_adds(tmp_path: Path, clip: Path) -> None:
    second = write_clip(tmp_path / "b.mp4", moving_frames(3))
    done = run(
        "--feature_type", "tiny", "--feature-type=loudness", "--device", "cpu", "--video_paths", clip, "--limit", -1,
        "--video_paths", second, "--no_audio", "skip", "--output_path", tmp_path / "out", program=TINY_PROGRAM,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(manifest(tmp_path / "out" / "tiny")) == set(manifest(tmp_path / "out" / "loudness")) == {"a", "b"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("modles", "modles: no such command (did you mean models?)"),
        ("stats out", "stats: no such command (did you mean status?)"),
        ("i3d --video_paths a.mp4", "i3d is a feature type: python main.py --feature_type i3d"),
        ("feature_type=i3d", "feature_type=i3d: flags start with --, such as --feature_type i3d"),
        ("--feature_type i3d video_paths=a.mp4", "flags start with --, such as --video_paths a.mp4"),
        ("--featur_type i3d", "--featur_type is unknown (did you mean --feature_type?)"),
        ("--feature-types i3d", "--feature-types is unknown (did you mean --feature_type?)"),
        ("--feature_type I3D", "did you mean i3d?"),
        ("--feature_type models", "models is a command: python main.py models"),
        ("--models", "python main.py models"),
        ("--feature_type i3d --limit 1 --limit 2", "--limit is given twice, and takes one value"),
        ("--feature_type i3d --video-list a --file_with_video_paths b",
         "--video_list, also called --file_with_video_paths, is given twice"),
        ("--feature_type i3d --video-paths a.mp4 --slowfast.num_clips 3",
         "--slowfast.num_clips is for --feature_type slowfast, which this run does not extract"),
        ("--feature_type i3d --precision fp32", "(did you mean float32?)"),
        ("--feature_type i3d --precision half", "(did you mean fp16?)"),
        ("weights fetch tsn i3dd", "i3dd: no such feature type"),
    ],
)  # fmt: skip
def test_a_wrong_command_gets_one_line_with_what_to_type(
    capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    exit_code = main(command.split())
    stdout, stderr = capsys.readouterr()
    assert (exit_code, stdout) == (2, "")
    (line,) = stderr.splitlines()
    assert line.startswith("error: ") and message in line


def test_help_and_version_are_commands_and_flags() -> None:
    for words in (("help",), ("--help",)):
        text = run(*words).stdout
        for part in ("--video_paths FILE", "--input_dir DIR", "--max_seconds SECONDS", "--extraction_fps FPS"):
            assert part in text
        assert " X " not in text.replace("--i3d_bn_eps X ", "") and "TEXT" not in text
    assert run("version").stdout == run("--version").stdout == "featmill 0.2.0\n"
    assert "usage: python main.py status" in run("help", "status").stdout
    of_type = run("help", "vggish")
    assert (of_type.returncode, "--vggish_pca_path" in of_type.stdout, "--stack_size" in of_type.stdout) == (
        0,
        True,
        False,
    )


def test_the_sample_file_of_settings_works(tmp_path: Path) -> None:
    text = (ROOT / "sample" / "settings.yml").read_text()
    assert sum(line.lstrip().startswith("#") for line in text.splitlines()) >= 10
    done = run(
        "--config", "sample/settings.yml", "--weights", "random", "--device", "cpu", "--output-path", tmp_path,
        "--limit", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "i3d" / "bouncing_shapes_rgb.npy").shape == (3, 1024)
    assert np.load(tmp_path / "vggish" / "bouncing_shapes_vggish.npy").shape == (6, 128)
    assert done.stderr.count("THE FEATURES MEAN NOTHING") + done.stdout.count("THE FEATURES MEAN NOTHING") == 1


def test_the_dotted_form_works_in_a_file(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "run.yml").write_text("feature_type: [resnet, vggish]\nvggish.hop_s: many\n")
    done = run("--config", tmp_path / "run.yml", "--video_paths", clip)
    assert done.returncode == 2
    assert f"--config {tmp_path / 'run.yml'}, vggish: hop_s is 'many'; it must be float" in done.stderr
    (tmp_path / "run.yml").write_text("feature_type: [vggish]\nvggish.hop_s: 1\nvggish:\n  hop_s: 1\n")
    done = run("--config", tmp_path / "run.yml", "--video_paths", clip)
    assert "vggish.hop_s is given twice" in done.stderr


def test_a_list_that_fails_whole_prints_a_few_lines_and_status_the_whole_cause(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("".join(f"absent{i}.mp4\n" for i in range(300)))
    network = ("--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu")
    done = run(*network, "--video_list", tmp_path / "list.txt", "--output_path", tmp_path / "out")
    assert done.returncode == 1
    assert len((done.stdout + done.stderr).splitlines()) < 120
    assert f"python main.py status {tmp_path / 'out'}" in done.stderr
    assert "300 failed" in done.stdout and "250 more; all are in manifest.jsonl: python main.py status" in done.stdout
    status = run("status", tmp_path / "out")
    assert "300 failed: no such file" in status.stdout


UNGUARDED = """\
import sys
sys.path.insert(0, {root!r})
import main
print("started")
sys.exit(main.main({arguments!r}))
"""


def test_a_script_that_calls_main_unguarded_is_told_what_to_do(tmp_path: Path, clip: Path) -> None:
    network = ["--feature_type", "resnet", "--model_name", "resnet18", "--weights", "random", "--device", "cpu"]
    arguments = [*network, "--video_paths", str(clip)]
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(root=str(ROOT), arguments=arguments))
    done = run_anew(program=script, cwd=tmp_path)
    assert done.returncode == 2
    assert set(done.stdout.splitlines()) == {"started"}
    assert done.stderr.splitlines()[-1].startswith("error: each worker imports the script")
    assert 'put the call below `if __name__ == "__main__":`' in done.stderr
    assert "Traceback" not in done.stderr and "die while they start" not in done.stderr
    *first, call = script.read_text().splitlines()
    script.write_text("\n".join([*first[:-1], 'if __name__ == "__main__":', f"    {call}"]))
    done = run_anew(program=script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "shape: [5, 512]" in done.stdout
    assert done.stderr.startswith("features are printed, not saved; --output_path DIR saves them")
