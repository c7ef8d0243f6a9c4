"""What `estimate` says: the totals of a list, as a table or as JSON."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from utils.engines.measure import SampleRun
from utils.run.estimate import NOISE, Interval, Limit, ListSizes, on_machines, seconds_of, total
from utils.worker.plan import Plan

MACHINES = (1, 2, 4, 8, 16, 32, 64, 128)
REASONS = 5
UNITS_S = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
UNITS_BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "bytes"))


@dataclass(frozen=True)
class Report:
    """The estimate of one command. n_done: videos that are done already. price: of a device for an hour."""

    plan: Plan
    listed: ListSizes
    found: SampleRun
    n_done: int
    price: float | None

    @cached_property
    def work_s(self) -> Interval:
        """Return what one machine needs for the list, once its networks are loaded."""
        sample = self.found.sample
        return total(seconds_of(sample, self.found.usage.elapsed_s), sample, self.listed, NOISE)

    @cached_property
    def n_bytes(self) -> Interval | None:
        """Return the bytes written, None where no video of the sample finished."""
        finished = [one for one in self.found.sample if one.seconds is not None]
        if not finished:
            return None
        return total([one.n_bytes for one in finished], finished, self.listed) if self.plan.format.saves else ZERO

    @property
    def limit(self) -> Limit | None:
        """Return what bounds the speed; None if no video of the sample finished."""
        if not self.found.usage.stages:
            return None
        return "start-up" if self.found.start_s > self.work_s.value else self.found.usage.limit

    def rows(self) -> list[tuple[int, Interval]]:
        """Return, for one machine and more, how long each works."""
        longest_s = self.work_s.value / self.listed.total * float(self.listed.sizes.max())
        numbers = [n for n in MACHINES if n <= self.listed.n_videos]
        return [(n, on_machines(self.work_s, self.found.start_s, longest_s, n)) for n in numbers]

    def as_json(self) -> dict[str, Any]:
        """Return all figures under plain names, with seconds and bytes as [value, low, high]."""
        found, usage = self.found, self.found.usage
        n_devices = len(self.plan.devices)
        machines: list[dict[str, Any]] = []
        for n, wall_s in self.rows():
            device_hours = wall_s * (n * n_devices / 3600)
            money = {} if self.price is None else {"money": _listed(device_hours * self.price)}
            machines.append({"machines": n, "devices": n * n_devices, "hours": _listed(wall_s * (1 / 3600)),
                             "device_hours": _listed(device_hours), **money})  # fmt: skip
        return {
            "done": self.n_done,
            "to_do": self.listed.n_videos,
            "looked_at": len(self.listed.sizes),
            "measured": len(found.sample),
            "unfinished": sum(one.seconds is None for one in found.sample),
            "statuses": dict(found.statuses),
            "reasons": found.reasons,
            "measured_s": usage.elapsed_s,
            "start_s": found.start_s,
            "machines": machines,
            "core_seconds": _listed(self.work_s * (usage.cpu_s / usage.elapsed_s) + usage.start_cpu_s),
            "bytes": None if self.n_bytes is None else _listed(self.n_bytes),
            "peak_memory_bytes": found.peak_bytes,
            "limit": self.limit,
            "busy": {**usage.busy, "cores": usage.cores_busy, "other_programs": usage.others},
            "flags": self.advice(),
        }

    def as_text(self) -> str:
        """Return a few lines and a table."""
        found, usage = self.found, self.found.usage
        unfinished = sum(one.seconds is None for one in found.sample)
        done = f"; {self.n_done} more are done already" if self.n_done else ""
        lines = [
            f"{self.listed.n_videos} videos to do{done}",
            f"{len(found.sample)} of them extracted in {usage.elapsed_s:.1f} s, after {found.start_s:.1f} s to start"
            + (f"; {unfinished} did not finish in time: a longer --time_limit is more exact" * bool(unfinished)),
        ]
        if bad := sum(n for status, n in found.statuses.items() if status != "done"):
            lines.append(f"{bad} results of the sample have problems; expect the same of the whole list:")
            lines += [f"  {reason}" for reason in found.reasons[:REASONS]]
        lines += ["", *self._table(), ""]
        if self.n_bytes is not None:
            lines.append(f"written: {_text(self.n_bytes, UNITS_BYTES)}" if self.plan.format.saves else NOTHING_WRITTEN)
        lines.append(f"memory: a peak of {_amount(found.peak_bytes, UNITS_BYTES)} on this machine; that of GPUs "
                     "is not counted")  # fmt: skip
        busy = ", ".join(f"{name} {share:.0%}" for name, share in usage.busy.items())
        busy += f"; {usage.cores} cores {usage.cores_busy:.0%}"
        lines.append(f"limit: {self.limit or 'not known, as no video finished'} (busy: {busy})")
        lines.append(f"to {'move it' if self.limit else 'know it'}: {self.advice()}")
        if usage.others > 0.2:
            lines.append(
                f"other programs took {usage.others:.0%} of the cores: the figures hold for a machine this busy"
            )
        more = "GPUs" if self.plan.devices[0].startswith("cuda") else "workers"
        most = 1 / max(usage.cores_busy, 0.01)
        lines.append(f"more {more} on one machine share its cores, which allow {most:.1f} times the speed at most")
        return "\n".join(lines)

    def _table(self) -> list[str]:
        rows = [("machines", "devices", "time", "device-hours", *(["money"] if self.price is not None else []))]
        for n, wall_s in self.rows():
            n_devices = n * len(self.plan.devices)
            device_hours = wall_s * (n_devices / 3600)
            money = [] if self.price is None else [_text(device_hours * self.price)]
            rows.append((str(n), str(n_devices), _text(wall_s, UNITS_S), _text(device_hours), *money))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

    def advice(self) -> str:
        """Return which flags would move the limit, or show it."""
        plan = self.plan
        if self.limit is None:
            return "more --time_limit"
        on_gpu = plan.devices[0].startswith("cuda")
        if self.limit == "decode" and on_gpu and any(hasattr(one.config, "decode") for one in plan.features):
            return "--decode gpu, --decode_threads, or more machines (--shard)"
        return {
            "start-up": "longer lists, or all feature types in one command",
            "cores": "more machines (--shard)" + ("" if on_gpu else ", or a GPU (--device cuda)"),
            "decode": f"--decode_threads {2 * plan.decode_threads}, or more machines (--shard)",
            "reading": f"--decode_threads {2 * plan.decode_threads}, or videos on a faster disk or nearer store",
            "network": f"--precision {'bf16, --compile, --batch_size' if on_gpu else 'bf16'}, or more devices",
            "writing": "--dtype float16, or a faster --output_path",
        }[self.limit]


ZERO = Interval(0.0, 0.0, 0.0)
NOTHING_WRITTEN = "written: nothing, features are printed"


def _listed(interval: Interval) -> list[float | None]:
    return list(dataclasses.astuple(interval))


def _text(interval: Interval, units: tuple[tuple[float, str], ...] = ((1.0, ""),)) -> str:
    """Return "2.1 h (1.9 to 2.3)"."""
    scale, unit = _unit(interval.value, units)
    value = f"{interval.value / scale:.3g} {unit}".strip()
    if interval.low is None or interval.high is None:
        return f"{value} (no interval: too few videos)"
    return f"{value} ({interval.low / scale:.3g} to {interval.high / scale:.3g})"


def _amount(value: float, units: tuple[tuple[float, str], ...]) -> str:
    scale, unit = _unit(value, units)
    return f"{value / scale:.3g} {unit}"


def _unit(value: float, units: tuple[tuple[float, str], ...]) -> tuple[float, str]:
    return next((unit for unit in units if value >= unit[0]), units[-1])
