"""Which run processes which video, where several runs share one output folder.

A claim is a small file that names its run and can be created only once. Each run keeps a counter in a file and raises
it every few seconds. A run on this machine is dead when its process is gone; a run on another machine is dead when its
counter has not moved for STALE_S by this machine's monotonic clock, so that wrong or jumping clocks do no harm. A dead
run's claim is not removed but superseded by one of the next generation, which again only one process can create.
"""

import contextlib
import hashlib
import json
import secrets
import threading
import time
from typing import Self

from utils.errors import RunError
from utils.storage import processes
from utils.storage.folder import Folder

FOLDER = ".featmill/claims"
BEAT_S = 10.0
STALE_S = 90.0
WATCH_S = 1.0  # between two checks of another machine's counter
BY = "@"  # before the run in the name of a note


class Claims:
    """The claims of one run in its output folder. A context manager: all are released at its end."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.run = f"{processes.identity()}~{secrets.token_hex(4)}"
        self._held: dict[str, list[str]] = {}  # unit → its claim files, its own last
        self._seen: dict[str, tuple[str, float]] = {}  # other run → its counter, and when that value was first seen
        self._moving: set[str] = set()  # other runs whose counters were seen to move
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.lost: RunError | None = None

    def __enter__(self) -> Self:
        self._write_counter(0)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(RunError, OSError):  # the folder is gone or full: the claims end with this process
            for unit in list(self._held):
                self.release(unit)
            self._folder.remove(self._counter_of(self.run))
            self._remove_dead()

    def _remove_dead(self) -> None:
        """Remove what killed runs left: counters, and claims on what they finished last."""
        for folder in (FOLDER, *self._folder.folders(FOLDER)):
            for name in list(self._folder.names(f"{folder}/")):
                if not self._is_alive(self._owner(name)):
                    self._folder.remove(name)

    def leave_note(self, name: str, data: bytes) -> None:
        """Write a note of this run, which is removed when it ends."""
        with self._folder.whole(f"{name}{BY}{self.run}") as file:
            file.write(data)
        self._held.setdefault(name, []).append(f"{name}{BY}{self.run}")

    def remove_note(self, name: str) -> None:
        """Remove a note before the run ends."""
        self.release(name)

    def outlives(self, name: str) -> bool:
        """Return whether the run that left a note is alive; one of another machine is watched until that is sure."""
        run = self._owner(name)
        while processes.is_alive(run.rpartition("~")[0]) is None and self._counter_may_move(run):
            if run in self._moving:
                return True
            time.sleep(WATCH_S)
        return self._is_alive(run)

    def take(self, unit: str) -> bool:
        """Claim `unit` for this run; return False if a live run has it."""
        if unit in self._held:
            return True
        key = hashlib.sha256(unit.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        stem = f"{FOLDER}/{key[:2]}/{key[2:]}"  # in many folders, since each claim lists one
        owners = {name: self._owner(name) for name in self._folder.names(f"{stem}.")}
        if any(self._is_alive(owner) for owner in owners.values() if owner != self.run):
            return False
        if self.run in owners.values():  # an error kept this run from removing it, or from knowing that it was created
            self._held[unit] = sorted(owners, key=lambda name: owners[name] == self.run)
            return True
        generation = max((int(name.rsplit(".", 1)[1]) for name in owners), default=-1) + 1
        own = f"{stem}.{generation:04d}"
        if not self._folder.create(own, self.run.encode()):
            return False
        others = [name for name in self._folder.names(f"{stem}.") if name != own]
        if any(self._is_alive(self._owner(name)) for name in others):  # two claimed it at once: both step back
            self._folder.remove(own)
            return False
        self._held[unit] = [*others, own]
        return True

    def release(self, unit: str) -> None:
        """Release a unit: it is finished, or left to others."""
        for name in self._held.get(unit, []):
            self._folder.remove(name)
        self._held.pop(unit, None)  # last: what could not be removed is still held

    def _owner(self, name: str) -> str:
        """Return the run that a file belongs to: by its name, or as a claim's content says."""
        for mark in (BY, "/run-"):
            if mark in name:
                return name.rpartition(mark)[2]
        try:
            with self._folder.open(name) as file:
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _is_alive(self, run: str) -> bool:
        if run == self.run:
            return True
        known = processes.is_alive(run.rpartition("~")[0])
        return self._counter_may_move(run) if known is None else known

    def _counter_may_move(self, run: str) -> bool:
        """Return whether the counter of another machine's run may still move."""
        try:
            with self._folder.open(self._counter_of(run)) as file:
                count = file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            count = "none"  # ended, or not yet written: wait as long as for a counter
        before, since_s = self._seen.get(run, ("", 0.0))
        if count != before:
            self._seen[run] = count, time.monotonic()
            if before:
                self._moving.add(run)
            return True
        return time.monotonic() - since_s < STALE_S

    @staticmethod
    def _counter_of(run: str) -> str:
        return f"{FOLDER}/run-{run}"

    def _write_counter(self, count: int) -> None:
        with self._folder.whole(self._counter_of(self.run)) as file:
            file.write(json.dumps({"count": count}).encode())

    def _beat(self) -> None:
        count = 0
        while not self._ended.wait(BEAT_S):
            count += 1
            try:
                self._write_counter(count)
            except RunError as error:
                self.lost = error  # read by the main loop, which stops the run
                return
