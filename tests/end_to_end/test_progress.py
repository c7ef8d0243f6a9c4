"""One long video moves the progress, by the time that is decoded: as lines, and as a bar on a terminal."""

import contextlib
import os
import pty
import re
import time
from functools import partial
from http.server import ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

import numpy as np
from support.media import moving_frames, write_clip
from support.program import TINY_PROGRAM, start
from support.sources import Ranges, serving

SECONDS = re.compile(r"decoded (\d+) of 40 s of long\.mkv")
IMPATIENT = TINY_PROGRAM.with_name("impatient_program.py")
READ_S = 5  # that the server takes for the whole file: workers report every 0.5 s, lines come every 2 s
PIECE_BYTES = 1 << 14


class _Slow:
    """A stream that passes on a file at a steady rate."""

    closed = False

    def __init__(self, stream: BufferedIOBase, bytes_per_s: float) -> None:
        self._stream, self._bytes_per_s = stream, bytes_per_s

    def write(self, data: bytes) -> int:
        for place in range(0, len(data), PIECE_BYTES):
            self._stream.write(data[place : place + PIECE_BYTES])
            time.sleep(len(data[place : place + PIECE_BYTES]) / self._bytes_per_s)
        return len(data)

    def flush(self) -> None:
        self._stream.flush()


class _SlowRanges(Ranges):
    def do_GET(self) -> None:  # noqa: N802 - the name that the library calls
        size = Path(self.translate_path(self.path)).stat().st_size
        sent, self.wfile = self.wfile, cast(BufferedIOBase, _Slow(self.wfile, size / READ_S))
        super().do_GET()
        self.wfile = sent


def on_terminal(*arguments: Any) -> str:
    """Return what the program shows on a terminal, and leave out its standard output."""
    ours, theirs = pty.openpty()
    shown = b""
    with open(os.devnull, "w") as nothing:  # noqa: PTH123 - no path
        environment = {"COLUMNS": "160", "TERM": "xterm"}
        process = start(*arguments, env=environment, program=IMPATIENT, stdout=nothing.fileno(), stderr=theirs)
    os.close(theirs)
    with contextlib.suppress(OSError):  # the other end is closed
        while block := os.read(ours, 4096):
            shown += block
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode()


def test_one_long_video_moves_the_progress(tmp_path: Path) -> None:
    frames = moving_frames(200, 240, 320)  # not compressed: an address is read in pieces of 5 MB
    write_clip(tmp_path / "long.mkv", frames, fps=5, codec="rawvideo")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_SlowRanges, directory=str(tmp_path)))
    with serving(server) as url:
        command = (
            "--feature_type", "timm", "--model_name", "test_vit", "--weights", "random", "--device", "cpu",
            "--on_extraction", "save_numpy", "--video_paths", f"{url}/long.mkv", "--output_path",
        )  # fmt: skip
        plain = start(*command, tmp_path / "plain", program=IMPATIENT)
        bar = on_terminal(*command, tmp_path / "bar")
        _, lines = plain.communicate(120)
    assert plain.returncode == 0
    for folder in ("plain", "bar"):
        assert len(np.load(tmp_path / folder / "timm" / "long_timm.npy")) == 200
    seconds = [int(found) for found in SECONDS.findall(bar)]
    assert len(set(seconds)) >= 3 and seconds == sorted(seconds) and 0 < seconds[0] < 30 and seconds[-1] <= 40
    assert "0/1" in bar and "1/1" in bar
    assert re.search(r"0:00:\d\d left", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", bar))
    moving = [line for line in lines.splitlines() if line.startswith("0/1 videos") and SECONDS.search(line)]
    assert moving and all("left" in line for line in moving)
