"""The progress of a download: a bar with rate and time left on a terminal, a line every few seconds elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

PLAIN_EVERY_S = 5.0


class DownloadBar:
    """Shows the progress that `weights.download` calls it with. Shows nothing before the first call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._bar: Progress | None = None
        self._plain_s = -PLAIN_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes are downloaded; total is None where the server does not say."""
        if not self._console.is_terminal:
            self._show_line(done, total)
            return
        if self._bar is None:
            columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
            self._bar = Progress(TextColumn(self._name), *columns, console=self._console)
            self._task = self._bar.add_task(self._name, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)

    def _show_line(self, done: int, total: int | None) -> None:
        now_s = time.monotonic()
        if now_s - self._plain_s >= PLAIN_EVERY_S or done == total:
            self._plain_s = now_s
            of = f" of {total / 1e6:.1f}" if total else ""
            self._console.print(f"downloading {self._name}: {done / 1e6:.1f}{of} MB")
