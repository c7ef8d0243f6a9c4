"""Parts of benchmarks/gpu.py on a CPU, with the smallest of everything; `.ci/run` runs all of them."""

import json
import threading
import time
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from benchmarks import gpu_table, limits
from benchmarks.gpu import main, table
from benchmarks.on_gpu import workers
from benchmarks.on_gpu.common import Options, Out
from benchmarks.on_gpu.runs import RunResult
from benchmarks.on_gpu.waits import Waits
from utils.worker.queues import BoundedQueue


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Undo what the part env makes small."""
    monkeypatch.setattr(limits, "SIDE", limits.SIDE)
    monkeypatch.setattr(limits, "COPY_BYTES", limits.COPY_BYTES)


@pytest.mark.filterwarnings("ignore:--weights random")
@pytest.mark.parametrize("part", ["env", "hazards", "door"])
def test_a_part_runs_on_a_cpu(part, tmp_path):
    flags = ["--out", str(tmp_path), "--device", "cpu", "--tiny", "--scratch", str(tmp_path)]
    main([*flags, "--part", part, "--part_end", str(time.monotonic() + 60)])
    rows = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert len(rows) > 3 and {row["part"] for row in rows} == {part}
    assert not [row for row in rows if "error" in row or not row.get("ok", True)]


def test_rows_of_a_run_are_written_as_soon_as_it_has_ended(monkeypatch, tmp_path):
    options = Options(tmp_path, "cpu", None, True, tmp_path)
    written, ended = [], {name: threading.Event() for name in workers.RUNS}
    out = SimpleNamespace(left_s=lambda: 9.0, row=lambda name, **_: written.append(name) or ended[name].set())

    def run_main(folder, *_flags, **_named):
        name = {each.replace(" ", "_"): each for each in workers.RUNS}[folder.name]
        before = {workers.ONE: "bf16", "bf16": "two workers"}.get(name)  # whose row is written by then
        assert before is None or ended[before].wait(5)
        return RunResult(1.0, {"a.npy": np.ones(2)}, "")

    monkeypatch.setattr(
        workers, "OF_A_TINY_RUN", {name: workers.RUNS[name] for name in ("two workers", "bf16", workers.ONE)}
    )
    monkeypatch.setattr(workers, "with_sound", lambda clips: clips)
    monkeypatch.setattr(workers, "run_main", run_main)
    ended |= {f"{name} against one worker": threading.Event() for name in workers.RUNS}
    workers.measure(cast(Out, out), options)
    compared = ["two workers against one worker", "bf16 against one worker"]
    assert written == ["two workers", "bf16", workers.ONE, *compared]


def test_waits_are_told_apart():
    queue: BoundedQueue[int] = BoundedQueue(1, 1)
    plain = BoundedQueue.get
    with Waits() as waits:
        thread = threading.Timer(0.3, queue.put, (1,))
        thread.start()
        queue.get()
    found = waits.shares(2)
    assert 0.9 < found["main"]["for_frames"] <= 1 and found["main_cpu"] < 0.5
    assert found["main"]["for_gpu"] == found["decoding"]["for_process"] == 0
    assert BoundedQueue.get is plain


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


def test_tables_have_the_last_figures(tmp_path):
    golden = {"part": "golden", "name": "pwc case_flow", "precision": "bf16", "cosine": 0.99, "relative_error": 0.5}
    speed = {
        "part": "networks",
        "name": "pwc",
        "precision": "bf16",
        "batch": 16,
        "per_s": 1000.4,
        "share_of_matmul": 0.5,
    }
    for name, error in (("old", 0.5), ("new", 0.01)):
        rows = [golden | {"relative_error": error}, speed | {"graph_ms": "cannot"}, {"part": "e2e", "error": "no time"}]
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
    read = gpu_table.read([str(tmp_path / "old"), str(tmp_path / "new")])
    assert gpu_table.accuracy(read).splitlines()[2:] == ["| pwc |  |  |  | 1.0e-02, 0.990000 |  |"]
    found = gpu_table.figures(read, "networks", gpu_table.NETWORKS).splitlines()
    assert found[2:] == ["| pwc | bf16 | 16 | 1,000 |  |  | 50% |"]
