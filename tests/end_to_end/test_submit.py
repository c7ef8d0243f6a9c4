"""`submit` runs an extraction as an array job: here by submitit's executor of local processes."""

from pathlib import Path

from support.media import moving_frames, write_clip
from support.program import arrays, manifest, run

FLAGS = ("--feature_type", "resnet", "--model_name", "resnet18", "--weights", "random", "--device", "cpu")


def test_tasks_share_the_list_and_leave_what_one_run_leaves(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{name}.mp4", moving_frames(3, seed=seed)) for seed, name in enumerate("abc")]
    flags = (*FLAGS, "--video_paths", *clips, tmp_path / "absent.mp4")
    local = ("--cluster", "local", "--tasks", 2, "--wait", "--slurm_partition", "gpu")
    result = run("submit", *local, *flags, "--output_path", tmp_path / "out")
    assert result.returncode == 1, result.stderr + result.stdout  # a video failed
    assert "2 tasks submitted" in result.stdout and f"status {tmp_path / 'out'}" in result.stdout
    lines = manifest(tmp_path / "out" / "resnet")
    assert {name: line["status"] for name, line in lines.items()} == dict.fromkeys("abc", "done") | {"absent": "failed"}
    assert len({line["run"] for line in lines.values()}) == 2
    logs = "".join(path.read_text() for path in (tmp_path / "out" / "jobs").glob("*.out"))
    assert logs.count("2 videos in") == 2
    assert len(arrays(tmp_path / "out" / "resnet")) == 3 * 5
