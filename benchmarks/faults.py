"""Fault injection: whatever happens to a run, its outputs must equal those of an undisturbed one.

    python -m benchmarks.faults --videos 200 --faults 100 --seed 1

Small videos go through two workers while faults are drawn at random: workers and the main process killed, a
segmentation fault, Ctrl-C once and twice, SIGTERM, a decoder that hangs, a source that fails, folders of videos and
outputs that vanish for a while, a full disk, a read-only disk. The same command is run again until it exits with 0.
Then every video must be done exactly once, every output must equal that of an undisturbed run, and no temporary file
may be left.

A full or read-only disk is simulated on a small file system, which needs a mount namespace (`unshare`).
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import record
from benchmarks.stalling_server import StallingServer
from benchmarks.tiny_videos import write_videos
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.readback import OutputReader
from utils.storage.folder import folder_at

ROOT = Path(__file__).parent.parent
N_FRAMES = 30
N_REMOTE = 20  # of the videos come over HTTP
TIMEOUT_S = 3
DISK_MIB = 64
MOUNTED = "FEATMILL_FAULTS_MOUNTED"


class Soak:
    """The run with faults. `happened`, `exit_codes`: how often, by name of the fault and by exit code."""

    def __init__(self, folder: Path, n_videos: int, kind: str, seed: int, server: StallingServer) -> None:
        self._random = random.Random(seed)
        self._server = server
        self._kind = kind
        self._videos = folder / "videos"
        self._disk = folder / "disk"
        self._output = self._disk / "out"
        self._list = folder / "list.txt"
        paths = write_videos(self._videos, n_videos, N_FRAMES, n_different=n_videos)
        shutil.copytree(self._videos, folder / "served")
        remote = {path.name for path in self._random.sample(paths, min(N_REMOTE, n_videos))}
        lines = [f"{server.url}/served/{path.name}" if path.name in remote else str(path) for path in paths]
        self._list.write_text("\n".join(lines))
        self.happened: Counter[str] = Counter()
        self.exit_codes: Counter[int] = Counter()

    def mount(self) -> bool:
        """Mount a small file system for the outputs; return whether that is permitted here."""
        self._disk.mkdir()
        if not os.environ.get(MOUNTED):
            return False
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(self._disk)]
        return subprocess.run(mount, check=False).returncode == 0

    def command(self, output: Path) -> list[str]:
        """Return the command, which writes to `output`."""
        return [
            sys.executable, "-m", "benchmarks.simulated", "--feature_type", "simulated", "--pause_s", "0.05",
            "--batch_size", "8", "--memory_frames", "3", "--device", "cpu", "--num_workers", "2", "--quiet",
            "--video_timeout", str(TIMEOUT_S), "--on_extraction", self._kind, "--output_path", str(output),
            "--video_list", str(self._list),
        ]  # fmt: skip

    def disturb(self, n_faults: int, mounted: bool) -> None:
        """Run the command until it succeeds, and inject `n_faults` faults meanwhile.

        mounted: whether the outputs have their own file system, which can be full or read-only.
        """
        faults: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._to_worker(signal.SIGKILL),
            "worker segfault": lambda: self._to_worker(signal.SIGSEGV),
            "main killed": lambda: self._to_main(signal.SIGKILL),
            "Ctrl-C once": lambda: self._to_main(signal.SIGINT),
            "Ctrl-C twice": self._interrupt_twice,
            "SIGTERM": lambda: self._to_main(signal.SIGTERM),
            "decoder hangs": lambda: self._server.faults.append("stall"),
            "source fails": lambda: self._server.faults.append("fail"),
            "videos gone": lambda: self._move_away(self._videos),
            "outputs gone": lambda: self._move_away(self._output),
        }
        if mounted:
            faults |= {"disk full": self._fill, "disk read-only": self._read_only}
        names = sorted(faults)
        while True:
            self._start()
            while self._process.poll() is None:
                if sum(self.happened.values()) < n_faults:
                    self._wait(self._random.uniform(0.2, 4.0))
                    if self._process.poll() is None:
                        name = self._random.choice(names)
                        faults[name]()
                        self.happened[name] += 1
                else:
                    self._server.faults.clear()
                    self._wait(1.0)
            self.exit_codes[self._process.returncode] += 1
            for pid in _children(self._process.pid):
                raise SystemExit(f"a worker outlived its run: {pid}")
            if self._process.returncode == 0:
                return

    def _start(self) -> None:
        self._log = (self._list.parent / "log.txt").open("a")
        self._process = subprocess.Popen(
            self.command(self._output), cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT, text=True
        )

    def _wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _to_main(self, number: int) -> None:
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._wait(10)
            time.sleep(0.5)  # for its workers to notice that their pipe is closed

    def _interrupt_twice(self) -> None:
        self._to_main(signal.SIGINT)
        time.sleep(self._random.uniform(0.0, 0.3))
        self._to_main(signal.SIGINT)

    def _to_worker(self, number: int) -> None:
        workers = _children(self._process.pid)
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._random.choice(workers), number)

    def _move_away(self, folder: Path) -> None:
        if folder.exists():
            away = folder.with_name(f"{folder.name}.away")
            folder.rename(away)
            time.sleep(self._random.uniform(0.2, 2.0))
            if folder.exists():
                raise SystemExit(f"{folder} was recreated while it was away")
            away.rename(folder)

    def _fill(self) -> None:
        ballast = self._disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        time.sleep(self._random.uniform(0.5, 2.0))
        ballast.unlink()

    def _read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self._disk)], check=False)
        time.sleep(self._random.uniform(0.5, 2.0))
        subprocess.run(["mount", "-o", "remount,rw", str(self._disk)], check=True)

    def check(self, undisturbed: Path) -> dict[str, Any]:
        """Return the differences from an undisturbed run, and what happened."""
        lines = _lines(self._output)
        done = Counter(line.id for line in lines if line.status == "done" and not _is_merged(line))
        ours, theirs = _arrays(self._output, lines), _arrays(undisturbed, _lines(undisturbed))
        left = [str(path) for path in self._output.rglob("*") if ".featmill" in path.parts]
        return {
            "videos": len(theirs),
            "done": len(done),
            "done more than once": sum(1 for number in done.values() if number > 1),
            "missing": len(theirs.keys() - ours.keys()),
            "not bit for bit equal": sum(1 for name in theirs if name in ours and not _same(ours[name], theirs[name])),
            "largest difference": max((_difference(ours[n], theirs[n]) for n in theirs if n in ours), default=0.0),
            "temporary files": len(left),
            "ends by exit code": {str(code): number for code, number in sorted(self.exit_codes.items())},
            "faults": dict(sorted(self.happened.items())),
        }


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == pid and b"--multiprocessing-fork" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def _lines(output: Path) -> list[ManifestLine]:
    text = (output / "simulated" / "manifest.jsonl").read_text()
    lines = []
    for raw in text.splitlines():
        with contextlib.suppress(ValueError):  # cut short when its writer was killed
            lines.append(ManifestLine.from_json(json.loads(raw)))
    return [line for line in lines if line is not None]


def _is_merged(line: ManifestLine) -> bool:
    return any(output.place is not None for output in line.outputs)


def _arrays(output: Path, lines: list[ManifestLine]) -> dict[str, dict[str, np.ndarray]]:
    reader = OutputReader(folder_at(str(output / "simulated")))
    latest = {line.name: line for line in lines}
    return {name: reader.read(line.outputs) for name, line in latest.items() if line.outputs}


def _same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[key], theirs[key]) for key in theirs)


def _difference(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(ours[key].astype(float) - theirs[key]).max()) for key in theirs)


def main(arguments: list[str]) -> None:
    """Disturb a run, compare, print and save the figures; exit with an error if anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--videos", type=int, default=200, help="number of videos (default: 200)")
    parser.add_argument("--faults", type=int, default=100, help="number of faults (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random faults (default: 1)")
    parser.add_argument("--on_extraction", default="save_npz", help="output format (default: save_npz)")
    parser.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON file")
    options = parser.parse_args(arguments)
    if shutil.which("unshare") and not os.environ.get(MOUNTED):
        namespace = ["unshare", "--map-root-user", "--mount"]
        if subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode == 0:
            again = [sys.executable, "-m", "benchmarks.faults", *arguments]
            raise SystemExit(subprocess.call([*namespace, *again], env=os.environ | {MOUNTED: "1"}))
    with tempfile.TemporaryDirectory() as temporary, StallingServer(Path(temporary)) as server:
        folder = Path(temporary)
        soak = Soak(folder, options.videos, options.on_extraction, options.seed, server)
        mounted = soak.mount()
        subprocess.run(soak.command(folder / "undisturbed"), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        start_s = time.monotonic()
        soak.disturb(options.faults, mounted)
        found = soak.check(folder / "undisturbed") | {"seconds": round(time.monotonic() - start_s, 1)}
        if mounted:
            subprocess.run(["umount", str(folder / "disk")], check=False)
    print(json.dumps(found, indent=1))
    record.write(f"faults-{options.on_extraction}", found | {"seed": options.seed}, options.results)
    wrong = [
        name for name in ("done more than once", "missing", "largest difference", "temporary files") if found[name]
    ]
    raise SystemExit(f"wrong: {', '.join(wrong)}" if wrong or found["done"] != found["videos"] else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
