"""Commands that are refused before anything is submitted."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from models import MODELS
from utils.commands.submit import _slurm_flags, _wait, submit
from utils.errors import UserError

FLAGS = ("--feature_type", "resnet", "--model_name", "resnet18", "--weights", "random", "--device", "cpu")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--video_paths", "a.mp4"), ["--output_path is missing"]),
        (("--video_paths", "a.mp4", "--output_path", "out", "--shard", "0/2"), ["--shard", "drop it"]),
        (("--output_path", "out", "--slurm_partition"), ["--slurm_partition: expected one value"]),
        (("--output_path", "out", "--slurm_partitio", "x", "--cluster", "local"), ["submit:", "partitio"]),
        (("--output_path", "s3://bucket/out"), ["--jobs_dir is missing"]),
        (("--output_path", "out", "--tasks", "0"), ["--tasks is 0"]),
    ],
)
def test_a_wrong_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")  # which `submit` sets for the tasks
    with pytest.raises(UserError) as caught:
        submit([*FLAGS, *arguments], MODELS)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_flags_of_slurm_are_told_from_those_of_the_run() -> None:
    given = ["--slurm_partition", "gpu", "--slurm-qos=high", "--limit", "3", "--slurm_time", "1:00"]
    assert _slurm_flags(given) == (
        {"slurm_partition": "gpu", "slurm_qos": "high", "slurm_time": "1:00"},
        ["--limit", "3"],
    )


def test_the_worst_task_counts(capsys: pytest.CaptureFixture[str]) -> None:
    def job(number: int, code: int, error: str = "") -> SimpleNamespace:
        paths = SimpleNamespace(stderr=f"{number}.err")
        found = RuntimeError(error) if error else None
        return SimpleNamespace(job_id=number, exception=lambda: found, result=lambda: code, paths=paths)

    assert _wait([job(1, 0), job(2, 1), job(3, 0)]) == 1
    assert _wait([job(1, 0), job(2, 0, "Traceback\nValueError: x")]) == 3
    assert capsys.readouterr().out == "task 2 failed: ValueError: x; see 2.err\n"
