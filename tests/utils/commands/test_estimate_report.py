"""The words and figures of an estimate, of a sample that is the whole list."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from utils.commands.estimate_report import UNITS_BYTES, UNITS_S, Report, _amount, _text
from utils.engines.measure import SampleRun
from utils.run.estimate import Interval, ListSizes, Measured, Usage
from utils.sinks.manifest_line import Status


def report(
    price: float | None = None, saves: bool = True, device: str = "cpu", longest: float = 1.0, **usage
) -> Report:
    plan: Any = SimpleNamespace(
        devices=(device, device), decode_threads=2, features=[], format=SimpleNamespace(saves=saves)
    )
    busy = {"elapsed_s": 100.0, "cpu_s": 40.0, "others": 0.0, "stages": {"decode": 20.0, "network": 190.0}} | usage
    sample = [Measured(1.0, 1.0, n_bytes=1 << 20, seconds={"network": 50.0}) for _ in range(4)]
    found = SampleRun(
        sample,
        Usage(**busy, workers=2, decode_threads=4, cores=8),
        7.0,
        3 << 30,
        Counter[Status]({"done": 3, "failed": 1}),
        ["x.mp4: bad"],
    )
    return Report(plan, ListSizes(4, np.array([*[(4 - longest) / 3] * 3, longest])), found, 5, price)


def test_figures_under_plain_names() -> None:
    found = report(price=3.0).as_json()
    hours = [row["hours"][0] for row in found["machines"]]
    assert [(row["machines"], row["devices"]) for row in found["machines"]] == [(1, 2), (2, 4), (4, 8)]
    assert (
        hours[0] == pytest.approx(found["start_s"] / 3600 + report().work_s.value / 3600)
        and hours[0] > hours[1] > hours[2]
    )
    assert found["machines"][1]["money"][0] == pytest.approx(3 * 4 * hours[1])
    assert found["bytes"][0] == pytest.approx(4 << 20)
    assert (found["limit"], found["busy"]["network"], found["busy"]["cores"]) == ("network", 0.95, 0.05)
    assert report(saves=False).as_json()["bytes"] == [0, 0, 0]
    assert "money" not in report().as_json()["machines"][0]


def test_more_machines_do_not_divide_the_longest_video() -> None:
    assert report(longest=3.7).rows()[2][1].value > 2 * report().rows()[2][1].value


def test_lines() -> None:
    lines = report(price=3.0).as_text().splitlines()
    assert lines[0] == "4 videos to do; 5 more are done already"
    assert "  x.mp4: bad" in lines and "memory: a peak of 3 GiB on this machine; that of GPUs is not counted" in lines
    assert lines[5].split() == ["machines", "devices", "time", "device-hours", "money"]
    assert "written: nothing, features are printed" in report(saves=False).as_text()
    assert "other programs took 30% of the cores" in report(others=0.3).as_text()


@pytest.mark.parametrize(
    ("device", "stages", "cpu_s", "advice"),
    [
        ("cpu", {"network": 190.0}, 40.0, "--precision bf16, or more devices"),
        ("cuda:0", {"network": 190.0}, 40.0, "--precision bf16, --compile, --batch_size, or more devices"),
        ("cpu", {"network": 190.0}, 790.0, "more machines (--shard), or a GPU (--device cuda)"),
        ("cpu", {"write": 190.0}, 40.0, "--dtype float16, or a faster --output_path"),
        ("cpu", {}, 40.0, "more --time_limit"),
    ],
)
def test_advice_is_for_what_limits(device: str, stages: dict[str, float], cpu_s: float, advice: str) -> None:
    assert report(device=device, stages=stages, cpu_s=cpu_s).advice() == advice


def test_amounts_in_fitting_units() -> None:
    assert _text(Interval(7200.0, 5400.0, 9000.0), UNITS_S) == "2 h (1.5 to 2.5)"
    assert _text(Interval(90.0, None, None), UNITS_S) == "1.5 min (no interval: too few videos)"
    assert [_amount(n, UNITS_BYTES) for n in (0, 1536, 3 << 40)] == ["0 bytes", "1.5 KiB", "3 TiB"]
