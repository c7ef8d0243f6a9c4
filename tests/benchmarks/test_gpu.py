"""Parts of benchmarks/gpu.py on a CPU, with the smallest of everything; `.ci/run` runs all of them."""

import json
import time

import pytest

from benchmarks import limits
from benchmarks.gpu import main, table


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Undo what the part env makes small."""
    monkeypatch.setattr(limits, "SIDE", limits.SIDE)
    monkeypatch.setattr(limits, "COPY_BYTES", limits.COPY_BYTES)


@pytest.mark.parametrize("part", ["env", "hazards"])
def test_a_part_runs_on_a_cpu(part, tmp_path):
    flags = ["--out", str(tmp_path), "--device", "cpu", "--tiny", "--scratch", str(tmp_path)]
    main([*flags, "--part", part, "--part_end", str(time.monotonic() + 60)])
    rows = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert len(rows) > 3 and {row["part"] for row in rows} == {part}
    assert not [row for row in rows if "error" in row or not row.get("ok", True)]


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
