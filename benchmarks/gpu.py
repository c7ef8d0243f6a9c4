"""All that only a GPU can tell about Featmill, in one call of about seven minutes.

    python benchmarks/gpu.py --out FOLDER [--media FOLDER] [--seconds 420] [--parts NAME ...]
    python benchmarks/gpu.py --out FOLDER --device cpu --tiny    # without a GPU: only that nothing crashes

Each part is a process with a time limit, so that a crash, or a CUDA error after which nothing works, leaves the others
alone. Every row is appended to FOLDER/gpu.jsonl as soon as it is known; FOLDER/gpu.log has the tracebacks. The table at
the end is made of the rows. Networks have seeded weights; nothing is downloaded.

What verifies comes first: env, hazards, golden, workers, door, tests, runs (515 s). Then what measures: networks, e2e,
profile, decode, nvdec, decode_gpu, compile (460 s). One call of 420 s has no room for the last ones; two calls, each
with half of --parts, have.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if sys.path[0] == str(ROOT / "benchmarks"):  # called by its path
    sys.path[0] = str(ROOT)

from benchmarks.networks import SUBJECTS  # noqa: E402 - after sys.path is set
from benchmarks.on_gpu.common import Options, Out  # noqa: E402 - after sys.path is set
from utils.engines.environment import VARIABLES  # noqa: E402 - after sys.path is set
from utils.nn.prepare import DTYPES  # noqa: E402 - after sys.path is set

PARTS = {  # seconds on a GPU
    "env": 15,
    "hazards": 60,
    "golden": 80,
    "workers": 100,
    "door": 60,
    "tests": 110,
    "runs": 90,
    "networks": 80,
    "e2e": 135,
    "profile": 45,
    "decode": 25,
    "nvdec": 45,
    "decode_gpu": 80,
    "compile": 50,
}
LEAST_S = 8  # that a part needs
END_S = 4  # of a part's seconds, to end in


def table(rows: list[dict]) -> str:
    """Return what matters of the rows, one line each."""
    checked = [row for row in rows if "ok" in row]
    lines = [f"checks: {sum(bool(row['ok']) for row in checked)} of {len(checked)} passed"]
    lines += [
        f"  FAILED {row['part']} {row['name']}: {row.get('relative_error', row.get('wrong'))}"
        for row in checked
        if not row["ok"]
    ]
    lines += [f"  ERROR {row['part']} {row.get('name')}: {str(row['error'])[:200]}" for row in rows if "error" in row]
    return "\n".join([*lines, *filter(None, map(_line, rows))])


def _line(row: dict) -> str:
    """Return a row of figures as a line; empty for others."""
    name = f"{row['part']:8} {row.get('name', '')!s:24} {row.get('precision', '')!s:8}"
    if "ms" in row and "per_s" in row:
        share = f"{row.get('share_of_matmul', 0):5.0%} of the matrix rate"
        return f"{name} x{row['batch']:<4} {row['per_s']:9.1f}/s {share}, launch {row['launch_ms']} of {row['ms']} ms"
    if "windows_per_s" in row:
        share = ""
        if "share_of_bare" in row:
            share = f"{row['share_of_bare']:5.0%} of the bare network, {row['share_of_smaller']:5.0%} of it or decoding"
        share = f"{row['of_exact']:5.2f} times --decode exact" if "of_exact" in row else share
        return f"{name} {row['windows_per_s']:9.1f} windows/s {share}, GPU busy {row.get('gpu_busy_percent')} %"
    if "tflop_per_s" in row and row["part"] == "env":
        return f"{name} {row['tflop_per_s']:8.1f} TFLOP/s"
    if "frames_per_s" in row:
        return f"{name} {row['frames_per_s']} frames/s"
    return ""


def run_part(part: str, options: Options, seconds: float) -> None:
    """Run a part in a separate process, and end it with all that it started when its time is over."""
    command = [sys.executable, __file__, "--out", str(options.out), "--device", options.device]
    end = time.monotonic() + seconds - END_S  # the same clock in all processes; importing takes seconds of it
    command += ["--part", part, "--part_end", str(end), "--scratch", str(options.scratch)]
    command += ["--media", str(options.media)] if options.media else []
    command += ["--tiny"] if options.tiny else []
    command += ["--networks", *options.networks] if options.networks else []
    command += ["--precisions", *options.precisions] if options.precisions else []
    start = time.monotonic()
    with (options.out / "gpu.log").open("a") as log:
        environment = {**VARIABLES, **os.environ}  # as the program starts its workers
        process = subprocess.Popen(command, start_new_session=True, stdout=log, stderr=log, env=environment)
        try:
            code: int | str = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            code = "out of time"
    Out(options.out, part, 0).row(name="ended", code=code, seconds=round(time.monotonic() - start, 1))


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the arguments; --part and the two after it are how the program calls itself."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for gpu.jsonl and gpu.log")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--media", type=Path, help="folder with real clips (*.mp4) instead of the samples")
    parser.add_argument("--seconds", type=float, default=420.0, help="for all parts together")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    names = (*SUBJECTS, "timm", "transformers")
    parser.add_argument(
        "--networks", nargs="+", choices=names, default=[], help="only these, in golden, networks and profile"
    )
    parser.add_argument(
        "--precisions", nargs="+", choices=DTYPES, default=[], help="only these, in networks and profile"
    )
    parser.add_argument("--tiny", action="store_true", help="the smallest of everything: does the program itself work?")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--part_end", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Run the parts, and print the table. SystemExit with 1 if something failed."""
    given = parsed(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    media = given.media.resolve() if given.media else None

    def options(scratch: Path) -> Options:
        where = (given.out.resolve(), given.device, media, given.tiny, scratch)
        return Options(*where, networks=given.networks, precisions=given.precisions)

    if given.part:
        out = Out(given.out, given.part, given.part_end - time.monotonic())
        with out.guarded(name="the part itself"):
            part = import_module(f"benchmarks.on_gpu.{given.part}")
            part.measure(out, options(given.scratch))
        return
    end = time.monotonic() + given.seconds
    with tempfile.TemporaryDirectory() as scratch:
        for part in given.parts:
            seconds = min(PARTS[part], end - time.monotonic())
            if seconds < LEAST_S:
                Out(given.out, part, 0).row(name="left out", error="no time left")
            else:
                run_part(part, options(Path(scratch)), seconds)
    rows = [json.loads(line) for line in (given.out / "gpu.jsonl").read_text().splitlines()]
    print(table(rows))
    if any("error" in row or not row.get("ok", True) or row.get("code", 0) for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
