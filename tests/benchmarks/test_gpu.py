"""benchmarks/gpu.py works, on a CPU and with the smallest of everything."""

import json
import subprocess
import sys

from support.program import ROOT

from benchmarks.gpu import table


def test_a_part_runs_on_a_cpu(tmp_path):
    command = [sys.executable, "benchmarks/gpu.py", "--out", tmp_path, "--device", "cpu", "--tiny", "--parts", "env"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert not [row for row in rows if "error" in row], (tmp_path / "gpu.log").read_text()
    assert [(row["part"], row["code"]) for row in rows if row["name"] == "ended"] == [("env", 0)]
    assert {row["name"] for row in rows} > {"versions", "matmul", "copy in memory"}
    assert "checks: 0 of 0 passed" in done.stdout


def test_what_failed_comes_first():
    rows = [
        {"part": "golden", "name": "raft", "ok": False, "relative_error": 0.1},
        {"part": "golden", "name": "pwc", "ok": True},
        {"part": "runs", "name": "clip", "error": "exit 3"},
        {"part": "decode", "name": "a.mp4 1x1", "frames_per_s": 7},
    ]
    lines = table(rows).splitlines()
    assert lines[0] == "checks: 1 of 2 passed"
    assert "FAILED golden raft: 0.1" in lines[1] and "ERROR runs clip: exit 3" in lines[2]
    assert lines[3].endswith("7 frames/s")
