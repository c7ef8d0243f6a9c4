"""Fault injection at every system call: after a healthy rerun, outputs must equal those of an undisturbed run.

    python -m benchmarks.faults_calls --formats save_h5 save_npz --points 200

A run of three tiny videos is disturbed at the n-th system call on its output folder, of the main process, of a worker,
or of the process that writes HDF5: the process is killed before the call, or the call fails (disk full, input/output
error; once, or from there on), or writes only half. Then the same command runs undisturbed. Every output must equal
that of an undisturbed run bit for bit, nothing else may be left, and a disturbed run may only have exited with 0 if its
outputs were right already. A preloaded library catches the calls, so this needs Linux and a C compiler.
"""

import argparse
import contextlib
import ctypes
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import forked_program, record
from benchmarks.faults_outputs import contents, debris
from benchmarks.tiny_videos import write_videos

ROOT = Path(__file__).parent.parent
SOURCE = Path(__file__).with_suffix(".c")
KINDS = ("none", "kill", "kill all", "torn", "short", "full once", "full", "error once", "error")  # as in the C file
CHANGES = "CWSN"  # calls that change something: see `applies` in the C file
APPLIES = {"torn": "W", "short": "W", "error once": "ROCWSN", "error": "ROCWSN"}
ROLE_NAMES = ("main", "worker", "child")
FORMATS = (
    "save_numpy", "save_npz", "save_pickle", "save_h5", "save_parquet", "save_lance", "save_webdataset", "save_shards",
    "out.pkl", "out.npz", "check_progress", "align", "concat",
)  # fmt: skip
N_VIDEOS, N_FRAMES = 3, 2
SLOWEST = 3  # points that are named with their seconds


@dataclass(frozen=True)
class Point:
    """One fault: its kind, whose call, and which."""

    kind: str
    role: int
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {ROLE_NAMES[self.role]} {self.number}"


@dataclass
class Figures:
    """Figures of one format. calls: system calls of an undisturbed run, by role."""

    calls: dict[str, int] = field(default_factory=dict[str, int])
    points: Counter[str] = field(default_factory=Counter[str])
    exit_codes: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[str] = field(default_factory=Counter[str])
    examples: list[str] = field(default_factory=list[str])
    seconds: float = 0.0
    seconds_of: dict[str, float] = field(default_factory=dict[str, float])  # of a point's two runs

    def as_json(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "calls": self.calls, "points": sum(self.points.values()), "by kind": dict(sorted(self.points.items())),
            "exit codes": dict(sorted(self.exit_codes.items())), "failures": dict(self.failures),
            "seconds": round(self.seconds, 1), "slowest": dict(self._slowest()), "examples": self.examples,
        }  # fmt: skip

    def _slowest(self) -> list[tuple[str, float]]:
        return sorted(self.seconds_of.items(), key=lambda of: -of[1])[:SLOWEST]


class Faults:
    """The preloaded library of this process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.faults_trace.restype = ctypes.c_char_p
        self.enter = self._library.faults_role

    def arm(self, root: Path, point: Point | None) -> None:
        """Count from now on, below `root`; the point's call fails."""
        point = point or Point("none", 0, 0)
        number = ctypes.c_long(point.number)
        self._library.faults_arm(os.fsencode(root), point.role, KINDS.index(point.kind), number)

    def trace(self, role: int) -> str:
        """Return the kind of each call that was counted."""
        return self._library.faults_trace(role).decode()

    @property
    def fired(self) -> bool:
        """Whether the fault has happened."""
        return bool(self._library.faults_fired())


class Soak:
    """Runs of one format below `folder`."""

    def __init__(self, folder: Path, kind: str, faults: Faults, again: bool) -> None:
        self._kind = kind
        self._faults = faults
        self._inputs = folder / "in"
        self._root = folder / "out"
        self._before = folder / "before"  # what is there when a run starts
        self._log = folder / "log.txt"
        self.found = Figures()
        paths = write_videos(self._inputs, N_VIDEOS, N_FRAMES)
        (self._inputs / "list.txt").write_text("\n".join(map(str, paths)))
        for number, members in enumerate((paths[:2], paths[2:])):
            with tarfile.open(self._inputs / f"shard-{number:03d}.tar", "w") as tar:
                for path in members:
                    tar.add(path, path.name)
        self._before.mkdir()
        if again:
            self._run_well()
            self._before = self._root.rename(folder / "before")
            for path in (paths[1], self._inputs / "shard-000.tar"):
                os.utime(path, (1, 1))

    def _command(self) -> list[str]:
        kind = {"align": "save_npz", "concat": "save_h5"}.get(self._kind, "save_numpy")
        kind = self._kind if self._kind.startswith("save_") else kind
        types = ["simulated", "simulated_too"] if self._kind in ("align", "concat") else ["simulated"]
        command = [
            "--feature_type", *types, "--device", "cpu", "--num_workers", "1", "--quiet", "--batch_size", "2",
            "--decode_threads", "1", "--on_extraction", kind, "--output_path", str(self._root / "features"),
        ]  # fmt: skip
        if kind == "save_shards":
            command += ["--tar_path", str(self._inputs / "shard-{000..001}.tar")]
        else:
            command += ["--video_list", str(self._inputs / "list.txt")]
        if self._kind.startswith("out."):
            command += ["--out", str(self._root / f"all{self._kind.removeprefix('out')}")]
        if len(types) > 1:
            command += ["--align", types[0]]
        if self._kind == "concat":
            command += ["--concat"]
        if self._kind == "check_progress":
            command += ["--check_progress", str(self._root / "done.txt")]
        return command

    def _run(self, point: Point | None) -> forked_program.ForkedRun:
        self._faults.arm(self._root, point)
        return forked_program.run(self._command(), self._log, self._faults.enter)

    def _clear(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        shutil.copytree(self._before, self._root)

    def _run_well(self) -> None:
        self._clear()
        ended = self._run(None)
        if ended.exit_code != 0:
            raise SystemExit(f"the undisturbed run failed: {ended.text}")
        if left := debris(self._root):
            raise SystemExit(f"the undisturbed run left {left}")

    def undisturbed(self) -> dict[int, str]:
        """Run without a fault, and return the calls of each role."""
        self._run_well()
        traces = {role: self._faults.trace(role) for role in forked_program.ROLES}
        self._right = contents(self._root)
        self.found.calls = {ROLE_NAMES[role]: len(trace) for role, trace in traces.items() if trace}
        return traces

    def try_point(self, point: Point) -> None:
        """Disturb a run at this point, run again, and note what is wrong."""
        self._clear()
        start_s = time.monotonic()
        ended = self._run(point)
        if not self._faults.fired:  # the threads of this run took another course
            return
        disturbed_text, wrong = ended.text, list(self._wrong_at_once(ended))
        self.found.points[f"{point.kind}, {ROLE_NAMES[point.role]}"] += 1
        self.found.exit_codes[str(ended.exit_code)] += 1
        again = self._run(None)
        self.found.seconds_of[str(point)] = round(time.monotonic() - start_s, 2)
        wrong += self._wrong_at_last(again)
        if wrong:
            self.found.failures.update(wrong)
            texts = [" | ".join(text.strip().splitlines()[-6:])[-900:] for text in (disturbed_text, again.text)]
            self.found.examples.append(
                f"{point} (exit {ended.exit_code}): {'; '.join(wrong)}: {texts[0]} => {texts[1]}"
            )

    def _wrong_at_once(self, ended: forked_program.ForkedRun) -> Iterator[str]:
        if ended.exit_code is None:
            yield "hangs"
        if ended.exit_code == 0 and contents(self._root) != self._right:
            yield "exit 0 without all outputs"
        if ended.orphaned:
            yield "a worker outlived the run"
        if "Traceback" in ended.text:
            yield "traceback"

    def _wrong_at_last(self, again: forked_program.ForkedRun) -> Iterator[str]:
        if again.exit_code != 0:
            yield f"the rerun exits with {again.exit_code}"
        elif (found := contents(self._root)) != self._right:
            yield f"outputs differ after the rerun: {_first_difference(found, self._right)}"
        if "Traceback" in again.text:
            yield "traceback in the rerun"
        if left := debris(self._root):
            yield f"left: {left[0].rpartition('/')[0]}"


def _first_difference(found: dict[str, Any], right: dict[str, Any]) -> str:
    return min(name for name in found.keys() | right.keys() if found.get(name) != right.get(name)).rpartition("/")[2]


def points_of(traces: dict[int, str], kinds: Sequence[str]) -> list[Point]:
    """Return every point at which a kind of fault changes something."""
    return [
        Point(kind, role, number)
        for kind in kinds
        for role, trace in traces.items()
        for number, call in enumerate(trace)
        if call in APPLIES.get(kind, CHANGES)
    ]


def _soak(options: argparse.Namespace) -> int:
    """Try every format in this process, into which the library is loaded; return the number of failures."""
    faults = Faults()
    forked_program.prepare(faults.enter)
    figures: dict[str, Any] = {}
    for kind in options.formats:
        with tempfile.TemporaryDirectory(dir=options.tmp) as folder:
            soak, start_s = Soak(Path(folder), kind, faults, options.again), time.monotonic()
            points = points_of(soak.undisturbed(), options.kinds)
            if options.points:
                points = random.Random(options.seed).sample(points, min(options.points, len(points)))
            for point in points:
                soak.try_point(point)
            soak.found.seconds = time.monotonic() - start_s
            figures[kind] = soak.found.as_json()
            print(kind, json.dumps(figures[kind], indent=1), flush=True)
    if options.results:
        record.write("faults-calls", {"formats": figures}, options.results)
    return sum(sum(found["failures"].values()) for found in figures.values())


def _compiled(folder: Path) -> Path:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)
    if compiler is None or not sys.platform.startswith("linux"):
        raise SystemExit("this soak preloads a library into the program: it needs Linux and a C compiler (gcc or cc)")
    library = folder / "faults_calls.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def main(arguments: list[str]) -> None:
    """Try the points, print and save the figures; exit with an error if anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS, help="default: all")
    parser.add_argument("--kinds", nargs="+", choices=KINDS[1:], default=KINDS[1:], help="default: all")
    parser.add_argument("--points", type=int, default=0, help="per format, drawn at random (default: all)")
    parser.add_argument("--again", action="store_true", help="disturb a second run, for a video that has changed")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument("--tmp", type=Path, help="folder for the runs (default: the system's)")
    parser.add_argument("--results", type=Path, help="folder of a JSON file with the figures (default: none)")
    options = parser.parse_args(arguments)
    if "faults_calls.so" in os.environ.get("LD_PRELOAD", ""):
        raise SystemExit(1 if _soak(options) else 0)
    with contextlib.ExitStack() as stack:
        library = _compiled(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        again = [sys.executable, "-m", "benchmarks.faults_calls", *arguments]
        raise SystemExit(subprocess.call(again, cwd=ROOT, env=os.environ | {"LD_PRELOAD": str(library)}))


if __name__ == "__main__":
    main(sys.argv[1:])
