"""One long video moves the progress, by the time that is decoded: as lines, and as a bar on a terminal."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

from support.media import moving_frames, write_clip
from support.program import ROOT

PROGRAM = ROOT / "tests" / "support" / "impatient_program.py"  # which shows a line each second
SECONDS = re.compile(r"decoded (\d+) of 40 s of long\.mp4")


def on_terminal(command: list[str]) -> str:
    """Return what a command shows on a terminal, and leave out its standard output."""
    ours, theirs = pty.openpty()
    env = os.environ | {"COLUMNS": "160", "TERM": "xterm"}
    shown = b""
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # the other end is closed
            while block := os.read(ours, 4096):
                shown += block
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


def test_one_long_video_moves_the_progress(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.mp4", moving_frames(200), fps=5)
    command = [
        sys.executable, str(PROGRAM), "--feature_type", "tiny", "--device", "cpu", "--pause_s", "0.02",
        "--video_paths", str(clip),
    ]  # fmt: skip
    plain = subprocess.Popen(
        [*command, "--output_path", str(tmp_path / "plain")], cwd=ROOT, text=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    start_s = time.monotonic()
    bar = on_terminal([*command, "--output_path", str(tmp_path / "bar")])
    seconds = [int(found) for found in SECONDS.findall(bar)]
    assert len(set(seconds)) >= 4 and seconds == sorted(seconds) and 0 < seconds[0] < 30 < seconds[-1] <= 40
    assert "0/1" in bar and "1/1" in bar
    assert re.search(r"0:00:\d\d left", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", bar))
    _, lines = plain.communicate(timeout=120)
    assert plain.returncode == 0
    assert time.monotonic() - start_s > 2  # otherwise no line between the first and the last is due
    moving = [line for line in lines.splitlines() if line.startswith("0/1 videos") and SECONDS.search(line)]
    assert moving and all("left" in line for line in moving)
