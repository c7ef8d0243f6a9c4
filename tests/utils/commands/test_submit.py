"""Commands that are refused before anything is submitted."""

from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models import MODELS
from utils.commands.submit import _n_tasks, _slurm_flags, _wait, submit
from utils.errors import UserError
from utils.run.estimate import Interval

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


@pytest.mark.parametrize(("high", "n_tasks"), [(8 * 3600, 20), (None, 10), (60, 1)])
def test_the_tasks_end_in_time_by_the_estimate(
    capsys: pytest.CaptureFixture[str], high: int | None, n_tasks: int
) -> None:
    report: Any = SimpleNamespace(
        plan=SimpleNamespace(devices=("cpu",)), work_s=Interval(2 * 3600 if high != 60 else 30, None, high),
        found=SimpleNamespace(usage=SimpleNamespace(cores=8)), listed=SimpleNamespace(n_videos=1000),
    )  # fmt: skip
    options = Namespace(gpus=0, cpus=4, timeout_min=60)
    assert _n_tasks(options, report) == n_tasks
    named = "1 task of 60 minutes" if n_tasks == 1 else f"{n_tasks} tasks of 60 minutes"
    assert capsys.readouterr().out.startswith(f"{named} (--timeout_min): one task alone would take ")
    options.gpus = 1
    with pytest.raises(UserError, match=r"no estimate is possible here, where a run has no GPU"):
        _n_tasks(options, report)
    with pytest.raises(UserError, match="every video is done"):
        _n_tasks(options, 7)


def test_the_worst_task_counts(capsys: pytest.CaptureFixture[str]) -> None:
    def job(number: int, code: int, error: str = "") -> SimpleNamespace:
        paths = SimpleNamespace(stderr=f"{number}.err")
        found = RuntimeError(error) if error else None
        return SimpleNamespace(job_id=number, exception=lambda: found, result=lambda: code, paths=paths)

    assert _wait([job(1, 0), job(2, 1), job(3, 0)]) == 1
    assert _wait([job(1, 0), job(2, 0, "Traceback\nValueError: x")]) == 3
    assert capsys.readouterr().out == "task 2 failed: ValueError: x; see 2.err\n"
