"""The commands of video_features and ours, run in turn, and what they wrote."""

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.peer_cases import Case

ROOT = Path(__file__).parent.parent
LEAST_S = 5  # that a command needs
TOGETHER_S = 0.02  # between the outputs of videos that ended with one batch, at most


@dataclass(frozen=True)
class Ran:
    """A command that ended, or that its time limit cut.

    features: by video and key, in the order in which they were written. written_s: when, for each video.
    """

    seconds: float
    cut: bool
    features: dict[str, dict[str, np.ndarray]]
    written_s: list[float]

    def windows(self) -> list[int]:
        """Return the number of windows of each video."""
        return [len(next(iter(arrays.values()))) for arrays in self.features.values()]

    def steady_per_s(self) -> float | None:
        """Return the windows per second between the ends of the first and the last batch; None of fewer than two.

        Videos that are written at about the same time ended with one batch.
        """
        ends_s: list[float] = []
        n_windows: list[int] = []
        for written_s, n in zip(self.written_s, self.windows(), strict=True):
            if ends_s and written_s - ends_s[-1] < TOGETHER_S:
                ends_s[-1] = written_s
                n_windows[-1] += n
            else:
                ends_s.append(written_s)
                n_windows.append(n)
        return sum(n_windows[1:]) / (ends_s[-1] - ends_s[0]) if len(ends_s) > 1 else None


@dataclass(frozen=True)
class Commands:
    """The checkout and Python of video_features, the checkpoints, a work folder, and how the commands are run.

    extra: more flags for ours. limit_s: for a command. end_s: for all of them, on the clock of time.monotonic.
    """

    peer: Path
    peer_python: str
    files: Path
    work: Path
    extra: tuple[str, ...]
    device: str
    limit_s: float
    end_s: float

    def theirs(self, case: Case, media: list[Path]) -> Ran:
        """Run their command."""
        folder = self.work / "theirs"
        device = "device=cuda:0" if self.device == "cuda" else f"device={self.device}"
        settings = [*case.theirs, device, "on_extraction=save_numpy"]
        settings += [f"output_path={folder}", f"tmp_path={self.work}/their_tmp"]
        command = [self.peer_python, "main.py", *settings, f"video_paths=[{','.join(map(str, media))}]"]
        seconds, cut = self._run(command, self.peer, folder)
        return Ran(seconds, cut, *_written(folder, case, media))

    def ours(self, case: Case, media: list[Path]) -> Ran:
        """Run our command."""
        folder = self.work / "ours"
        settings = [argument.format(files=self.files) for argument in case.ours]
        settings += ["--weights_dir", str(self.files), "--device", self.device, "--quiet"]
        settings += ["--on_extraction", "save_numpy", "--output_path", str(folder), *self.extra]
        command = [sys.executable, "main.py", *settings, "--video_paths", *map(str, media)]
        seconds, cut = self._run(command, ROOT, folder)
        return Ran(seconds, cut, *_written(folder, case, media))

    def _run(self, command: list[str], cwd: Path, outputs: Path) -> tuple[float, bool]:
        """Run a command that writes into `outputs`; return its seconds, and whether its time limit cut it.

        RuntimeError if it fails, or no time is left for it.
        """
        limit_s = min(self.limit_s, self.end_s - time.monotonic())
        if limit_s < LEAST_S:
            raise RuntimeError("no time left")
        shutil.rmtree(outputs, ignore_errors=True)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["TORCH_HOME"] = str(self.peer / "torch_home")  # read by theirs alone
        log = self.work / "log.txt"
        with log.open("w") as file:
            start_s = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdout=file, stderr=file, start_new_session=True
            )
            try:
                process.wait(None if math.isinf(limit_s) else limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return time.perf_counter() - start_s, True
            seconds = time.perf_counter() - start_s
        text = log.read_text()
        if process.returncode != 0 or "An error occurred" in text:
            raise RuntimeError(f"{' '.join(command)[:500]}\nfailed ({process.returncode}):\n{text[-3000:]}")
        return seconds, False


def _written(folder: Path, case: Case, media: list[Path]) -> tuple[dict[str, dict[str, np.ndarray]], list[float]]:
    """Return the features below `folder`, by video and key, and when each video was done: in that order."""
    files = {path.name: path for path in folder.rglob("*.npy")}
    done = []
    for video in media:
        paths = [files.get(f"{video.stem}_{key}.npy") for key in case.keys]
        found = [path for path in paths if path]
        if len(found) == len(paths):
            arrays = {key: np.load(path) for key, path in zip(case.keys, found, strict=True)}
            done.append((max(path.stat().st_mtime for path in found), video.stem, arrays))
    done.sort(key=lambda each: each[0])
    return {stem: arrays for _, stem, arrays in done}, [written_s for written_s, _, _ in done]
