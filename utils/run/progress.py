"""What a run shows: one bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from utils.errors import RunError, printable
from utils.storage.urls import base_name

PLAIN_EVERY_S = 10.0


class RunProgress:
    """Counts videos and windows. Features and the summary go to standard output, all else to standard error."""

    def __init__(self, n_videos: int | None, quiet: bool) -> None:
        self._n_listed = self._n_videos = n_videos  # None: not known before the list ends
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._start_s = time.monotonic()
        self._plain_s = self._start_s
        self._videos = 0
        self._windows = 0
        self._failed = 0
        self._decoded: dict[str, tuple[float, float | None]] = {}  # see `decoded`; unfinished videos
        self._said: set[str] = set()
        self._bar: Progress | None = None
        if self._console.is_terminal and not quiet:
            self._bar = Progress(
                TextColumn("videos"),
                MofNCompleteColumn(),
                BarColumn(),
                TextColumn("{task.fields[detail]}"),
                TimeRemainingColumn(),
                TextColumn("left"),
                console=self._console,
            )
            self._task = self._bar.add_task("videos", total=n_videos, detail="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def note(self, text: str) -> None:
        """Show one line that is not a failure; left out with --quiet."""
        if not self._quiet:
            self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(printable(text))

    def say_once(self, text: str) -> None:
        """Show a line about the run the first time it is given."""
        if text not in self._said:
            self._said.add(text)
            self._print(text)

    def passed_over(self, n: int) -> None:
        """Take note that so many videos of the list needed no work."""
        if self._n_listed is not None:
            self._n_videos = self._n_listed - n
            if self._bar:
                self._bar.update(self._task, total=self._n_videos)

    def warn(self, text: str) -> None:
        """Show one line about a video that failed or is partial."""
        self._print(text)

    def show(self, text: str) -> None:
        """Write features or predictions to standard output."""
        if self._bar:
            self._bar.stop()  # two writers on one terminal line would mix
        sys.stdout.write(printable(text, sys.stdout.encoding or "utf-8"))
        sys.stdout.flush()
        failure = getattr(sys.stdout, "failure", None)
        if failure is not None:
            raise RunError(f"features cannot be printed: standard output fails ({failure}); save them to files instead")
        if self._bar:
            self._bar.start()

    def windows(self, n: int) -> None:
        """Count windows that came back from a network."""
        self._windows += n
        self._update()

    def decoded(self, seconds: Mapping[str, tuple[float, float | None]]) -> None:
        """Take note of how far videos are, by id: seconds that are decoded, and in all (None where it is not known)."""
        for video_id, (decoded_s, length_s) in seconds.items():
            before_s, _ = self._decoded.get(video_id, (0.0, None))  # its sound may be decoded after its frames
            self._decoded[video_id] = (max(before_s, decoded_s), length_s)
        self._update()

    def video(self, video_id: str, failed: bool) -> None:
        """Count one more video that is finished."""
        self._decoded.pop(video_id, None)
        self._videos += 1
        self._failed += failed
        self._update()

    def _update(self) -> None:
        now_s = time.monotonic()
        elapsed_s = max(now_s - self._start_s, 1e-9)
        detail = f"{self._failed} failed, {self._windows} windows, {self._windows / elapsed_s:.2f} windows/s"
        detail += self._in_hand()
        if self._bar:
            self._bar.update(self._task, completed=self._done(), detail=detail)
        elif not self._quiet and (now_s - self._plain_s >= PLAIN_EVERY_S or self._videos == self._n_videos):
            self._plain_s = now_s
            self._print(f"{self._videos}/{self._n_videos or '?'} videos, {detail}{self._left(elapsed_s)}")

    def _done(self) -> float:
        """Return how many videos are done, with the shares of those that are being decoded."""
        return self._videos + sum(min(1.0, done / length) for done, length in self._decoded.values() if length)

    def _in_hand(self) -> str:
        """Return how far the videos are that are being decoded: ", decoded 61 of 3600 s of a.mp4"."""
        if not self._decoded:
            return ""
        lengths = [length_s for _, length_s in self._decoded.values()]
        total = "" if None in lengths else f" of {sum(filter(None, lengths)):.0f}"
        names = base_name(next(iter(self._decoded))) if len(lengths) == 1 else f"{len(lengths)} videos"
        return f", decoded {sum(done_s for done_s, _ in self._decoded.values()):.0f}{total} s of {names}"

    def _left(self, elapsed_s: float) -> str:
        done = self._done()
        if self._n_videos is None or not 0 < done < self._n_videos:
            return ""
        left_s = int(elapsed_s / done * (self._n_videos - done))
        days, hours = left_s // 86400, time.strftime("%H:%M:%S", time.gmtime(left_s % 86400))
        return f", about {f'{days} d ' if days else ''}{hours} left"
