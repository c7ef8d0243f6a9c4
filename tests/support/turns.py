"""Threads that take turns in an order which a seed gives, and a folder whose every use is such a turn."""

import io
import queue
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO


class Killed(BaseException):
    """A thread ends where it is, as a killed process does."""


@dataclass
class _Player:
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_killed: bool = False


class Turns:
    """Runs threads one at a time, each until its next `step`.

    n_kills: threads that are killed at a step, at random.
    """

    def __init__(self, seed: int, n_kills: int) -> None:
        self._rng = random.Random(seed)
        self._n_kills = n_kills
        self._here = threading.local()
        self._news: queue.Queue[BaseException | bool] = queue.Queue()  # what became of a turn: it is over, or all is

    def step(self) -> None:
        """Wait for the next turn of this thread."""
        self._news.put(False)
        self._here.player.go.acquire()
        if self._here.player.is_killed:
            raise Killed

    def run(self, *functions: Callable[[], None]) -> None:
        """Run each function in a thread, until all have ended; raise what one of them raises."""
        waiting = [self._started(function) for function in functions]
        while waiting:
            player = self._rng.choice(waiting)
            if self._n_kills and self._rng.random() < 0.05:
                player.is_killed = True
                self._n_kills -= 1
            player.go.release()
            news = self._news.get(timeout=10)
            if isinstance(news, BaseException):
                raise news
            if news:
                waiting.remove(player)

    def _started(self, function: Callable[[], None]) -> _Player:
        player = _Player()

        def run() -> None:
            self._here.player = player
            player.go.acquire()
            try:
                function()
            except Killed:
                pass
            except BaseException as error:
                self._news.put(error)
                raise
            self._news.put(True)

        threading.Thread(target=run, daemon=True).start()
        return player


class FolderOfTurns:
    """A folder in memory, as `utils.storage.folder.Folder`."""

    at_once = 1

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._files: dict[str, bytes] = {}

    def create(self, name: str, data: bytes) -> bool:
        """Write a file if none has its name yet; return whether it was written."""
        self._turns.step()
        if name in self._files:
            return False
        self._files[name] = data
        return True

    def open(self, name: str) -> BinaryIO:
        """Return a stream of a file."""
        self._turns.step()
        if name not in self._files:
            raise FileNotFoundError(name)
        return io.BytesIO(self._files[name])

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of files in the prefix's folder that start with it."""
        self._turns.step()
        found = (name for name in self._files if name.startswith(prefix))
        return sorted(name for name in found if "/" not in name.removeprefix(prefix))

    def folders(self, name: str) -> list[str]:
        """Return the folders in a folder."""
        self._turns.step()
        return sorted({file.rpartition("/")[0] for file in self._files} - {name})

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        self._turns.step()
        self._files.pop(name, None)

    def remove_all(self, names: list[str]) -> None:
        """Remove files."""
        for name in names:
            self.remove(name)
