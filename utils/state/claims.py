"""Which run does which video, where several runs share one output folder: claims that outlive no dead process.

A claim is a small file, made only if it is not there yet, that names its run. A run shows that it lives by counting up
a file of its own. A run of this machine is dead when its process is; one of another machine when its count has stood
still for STALE_S on this machine's own steady clock, so that wrong or jumping clocks change nothing. The claim of a
dead run is not removed but outdone by one of the next generation, which again only one process can make.
"""

import contextlib
import hashlib
import json
import secrets
import threading
import time

from utils.errors import RunError
from utils.storage import processes
from utils.storage.folder import Folder

FOLDER = ".featmill/claims"
BEAT_S = 10.0
STALE_S = 90.0


class Claims:
    """The claims of one run on what its output folder gets. A context manager: all are given up at its end."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.run = f"{processes.identity()}~{secrets.token_hex(4)}"
        self._held: dict[str, list[str]] = {}  # unit → its files
        self._seen: dict[str, tuple[str, float]] = {}  # other run → its count, and when that was first seen
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self.lost: RunError | None = None

    def __enter__(self) -> "Claims":
        self._show_life(0)
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._beating.join()
        with contextlib.suppress(RunError):  # the folder is gone or full: its claims die with this process
            for unit in list(self._held):
                self.release(unit)
            self._folder.remove(self._life_of(self.run))
            self._forget_the_dead()

    def _forget_the_dead(self) -> None:
        """Remove what killed runs left: signs of life, and claims on what was finished just before."""
        for name in list(self._folder.names(f"{FOLDER}/")):
            _, is_life, run = name.rpartition("/run-")
            if not self._is_alive(run if is_life else self._owner(name)):
                self._folder.remove(name)

    def take(self, unit: str) -> bool:
        """Claim `unit` for this run; return whether it has it. False: another run that lives has it."""
        if unit in self._held:
            return True
        stem = f"{FOLDER}/{hashlib.sha256(unit.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
        found = list(self._folder.names(f"{stem}."))
        if any(self._is_alive(self._owner(name)) for name in found):
            return False
        generation = max((int(name.rsplit(".", 1)[1]) for name in found), default=-1) + 1
        own = f"{stem}.{generation:04d}"
        if not self._folder.create(own, self.run.encode()):
            return False
        others = [name for name in self._folder.names(f"{stem}.") if name != own]
        if any(self._is_alive(self._owner(name)) for name in others):  # two took it at once: both step back
            self._folder.remove(own)
            return False
        self._held[unit] = [own, *sorted(others, reverse=True)]
        return True

    def release(self, unit: str) -> None:
        """Give a unit up: it is finished, or left to others."""
        for name in self._held.pop(unit, []):
            self._folder.remove(name)

    def _owner(self, name: str) -> str:
        try:
            with self._folder.open(name) as file:
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _is_alive(self, run: str) -> bool:
        if run == self.run:
            return True
        known = processes.is_alive(run.rpartition("~")[0])
        return self._still_counts(run) if known is None else known

    def _still_counts(self, run: str) -> bool:
        """Return whether the count of another machine's run may still go up."""
        try:
            with self._folder.open(self._life_of(run)) as file:
                count = file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            count = "none"  # ended, or its claim is not yet written: wait as long for it as for a count
        before, since_s = self._seen.get(run, ("", 0.0))
        if count != before:
            self._seen[run] = count, time.monotonic()
            return True
        return time.monotonic() - since_s < STALE_S

    @staticmethod
    def _life_of(run: str) -> str:
        return f"{FOLDER}/run-{run}"

    def _show_life(self, count: int) -> None:
        with self._folder.whole(self._life_of(self.run)) as file:
            file.write(json.dumps({"count": count}).encode())

    def _beat(self) -> None:
        count = 0
        while not self._ended.wait(BEAT_S):
            count += 1
            try:
                self._show_life(count)
            except RunError as error:
                self.lost = error  # for the main loop, which stops the run
                return
