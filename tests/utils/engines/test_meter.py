"""What processes take, by made-up figures of the system."""

import time
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from utils.engines.meter import Meter
from utils.sinks.manifest_line import ManifestLine


def test_usage_is_what_was_added_since_the_first_video(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"now": 100.0, 1: 10.0, 2: 20.0, "machine": 500.0}

    def process(pid: int) -> SimpleNamespace:
        import contextlib

        return SimpleNamespace(
            pid=pid,
            oneshot=contextlib.nullcontext,
            memory_info=lambda: SimpleNamespace(rss=1000 * pid),
            cpu_times=lambda: SimpleNamespace(user=seconds[pid] / 2, system=seconds[pid] / 2),
            children=lambda recursive: [process(2)] if 2 in seconds else [],
        )

    class Times(tuple):
        idle, iowait = 7.0, 3.0

    monkeypatch.setattr(psutil, "Process", lambda: process(1))
    monkeypatch.setattr(psutil, "cpu_times", lambda: Times((seconds["machine"], 7.0, 3.0)))
    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(time, "monotonic", lambda: seconds["now"])
    meter = Meter()
    assert meter.elapsed_s == 0
    meter.begin()
    seconds |= {"now": 110.0, 1: 12.0, 2: 25.0, "machine": 527.0}
    meter._after = meter._cpu_times()
    del seconds[2]  # a worker ends: what it took still counts
    seconds[1] = 13.0
    meter._after = meter._cpu_times()
    meter.begin()  # only the first call counts
    meter.last_s = meter.begin_s + 10
    lines = [ManifestLine(id=str(i), status="done", seconds={"decode": 1.5}) for i in range(2)]
    plan: Any = SimpleNamespace(devices=("cpu", "cpu"), decode_threads=3)
    usage = meter.usage(plan, lines)
    assert (meter.peak_bytes, meter.elapsed_s) == (3000, 10)
    assert (usage.elapsed_s, usage.cpu_s, usage.stages) == (10, 8, {"decode": 3.0})  # 3 of its own, 5 of the worker
    assert usage.others == pytest.approx((27 - 8) / (10 * 4))
    assert usage.start_cpu_s == 30
