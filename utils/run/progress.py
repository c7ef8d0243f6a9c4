"""What a run shows: one bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from utils.config.words import counted
from utils.errors import RunError, printable
from utils.run.json_progress import JsonProgress, WorkerState, states
from utils.storage.urls import base_name
from utils.worker.messages import HowFar

PLAIN_EVERY_S = 10.0
BAR_EVERY_S = 0.1  # what is shown names all videos in hand, of which a cluster has thousands


class RunProgress:
    """Counts videos and windows. Features and the summary go to standard output, all else to standard error.

    json_progress: as in --json_progress; to standard error it takes the place of the bar and of plain lines.
    """

    def __init__(self, n_videos: int | None, quiet: bool, json_progress: bool | str = False) -> None:
        self._json = JsonProgress(json_progress) if json_progress else None
        self._lines = not quiet and json_progress is not True
        self._n_listed = self._n_videos = n_videos  # None: not known before the list ends
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._start_s = time.monotonic()
        self._shown_s = self._json_s = self._start_s
        self._videos = 0
        self._windows = 0
        self._failed = 0
        self._in_hand: dict[str, HowFar] = {}  # by id; unfinished videos
        self._said: set[str] = set()
        self._nodes = ""
        self._bar: Progress | None = None
        if self._console.is_terminal and self._lines:
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
            self._show()
            self._bar.stop()
        self._write_json()

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

    def decoded(self, videos: Mapping[str, HowFar]) -> None:
        """Take note of how far videos are, by id."""
        for video_id, far in videos.items():
            before = self._in_hand.get(video_id)
            if before is not None and before.is_counting == far.is_counting:  # its sound may come after its frames
                far = far._replace(done_s=max(before.done_s, far.done_s))
            self._in_hand[video_id] = far
        self._update()

    def video(self, video_id: str, failed: bool) -> None:
        """Count one more video that is finished."""
        self._in_hand.pop(video_id, None)
        self._videos += 1
        self._failed += failed
        self._update()

    def finished_on(self, where: str) -> None:
        """Count a video for a node and device."""
        if self._json is not None:
            self._json.finished_on[where] += 1

    def workers(self, workers: Iterable[WorkerState]) -> None:
        """Take note of what the workers do; called about once a second."""
        workers = list(workers)
        nodes = {worker.where.rpartition("/")[0] for worker in workers if worker.where} - {""}
        if nodes:
            found = states(workers)
            waiting = f", {found['waiting_for_room']} waiting for room" if found["waiting_for_room"] else ""
            self._nodes = f", {counted(len(workers), 'worker')}{waiting}, {counted(len(nodes), 'node')}"
        if self._json is not None:
            self._json.workers = workers
            if time.monotonic() - self._json_s >= PLAIN_EVERY_S:
                self._write_json()

    def _write_json(self) -> None:
        if self._json is None:
            return
        self._json_s = time.monotonic()
        videos = {"listed": self._n_listed, "to_do": self._n_videos, "finished": self._videos, "failed": self._failed}
        elapsed_s = self._json_s - self._start_s
        self._json.write(videos, self._windows, elapsed_s, self._left_s(elapsed_s))

    def _update(self) -> None:
        """Show how far the run is, if it is time to."""
        every_s = BAR_EVERY_S if self._bar else PLAIN_EVERY_S
        if self._lines and (time.monotonic() - self._shown_s >= every_s or self._videos == self._n_videos):
            self._show()

    def _show(self) -> None:
        self._shown_s = time.monotonic()
        elapsed_s = max(self._shown_s - self._start_s, 1e-9)
        detail = f"{self._failed} failed, {self._windows} windows, {self._windows / elapsed_s:.2f} windows/s"
        detail += self._nodes + self._about_those_in_hand()
        if self._bar:
            self._bar.update(self._task, completed=self._done(), total=self._n_videos, detail=detail)
        else:
            self._print(f"{self._videos}/{self._n_videos or '?'} videos, {detail}{self._left(elapsed_s)}")

    def _done(self) -> float:
        """Return how many videos are done, with the shares of those that are being decoded."""
        decoded = (far for far in self._in_hand.values() if not far.is_counting)
        return self._videos + sum(min(1.0, far.done_s / far.length_s) for far in decoded if far.length_s)

    def _about_those_in_hand(self) -> str:
        """Return how far the videos are that are being decoded: ", decoded 61 of 3600 s of a.mp4"."""
        if not self._in_hand:
            return ""
        all_count = all(far.is_counting for far in self._in_hand.values())
        shown = {name: far for name, far in self._in_hand.items() if far.is_counting == all_count}
        lengths = [far.length_s for far in shown.values()]
        total = "" if None in lengths else f" of {sum(filter(None, lengths)):.0f}"
        names = base_name(next(iter(shown))) if len(shown) == 1 else f"{len(shown)} videos"
        what = "counted the frames of" if all_count else "decoded"
        return f", {what} {sum(far.done_s for far in shown.values()):.0f}{total} s of {names}"

    def _left_s(self, elapsed_s: float) -> int | None:
        done = self._done()
        if self._n_videos is None or not 0 < done < self._n_videos:
            return None
        return int(elapsed_s / done * (self._n_videos - done))

    def _left(self, elapsed_s: float) -> str:
        left_s = self._left_s(elapsed_s)
        if left_s is None:
            return ""
        days, hours = left_s // 86400, time.strftime("%H:%M:%S", time.gmtime(left_s % 86400))
        return f", about {f'{days} d ' if days else ''}{hours} left"
