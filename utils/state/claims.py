"""Which run processes which video, where several runs share one output folder.

A claim is a small file that names its run and can be created only once. Each run keeps a counter in a file and raises
it every few seconds. A run on this machine is dead when its process is gone; a run on another machine is dead when its
counter has not moved for STALE_S by this machine's monotonic clock, so that wrong or jumping clocks do no harm. A dead
run's claim is not removed but superseded by one of the next generation, which again only one process can create.

Whoever creates the claim of generation 0 has the unit, without a look at others: as long as a run holds a unit by a
later generation, that of the dead run is still there, since only who holds the unit removes it, before its own. So one
that wants to supersede looks again after it has created its claim, and steps back if generation 0 is gone.
"""

import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from utils.errors import RunError
from utils.storage import processes
from utils.storage.folder import Folder

FOLDER = ".featmill/claims"
BEAT_S = 10.0
STALE_S = 90.0
WATCH_S = 1.0  # between two looks at whether a run lives
FIRST = ".0000"  # the first generation
BY = "@"  # before the run in the name of a note

Found = TypeVar("Found")


class Claims:
    """The claims of one run in its output folder. A context manager: all are released at its end."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.run = f"{processes.identity()}~{secrets.token_hex(4)}"
        self._held: dict[str, list[str]] = {}  # unit → its claim files, this run's own last
        self._unsure: set[str] = set()  # of them: those whose release was not confirmed
        self._seen: dict[str, tuple[str, float]] = {}  # other run → its counter, and when that value was first seen
        self._moving: set[str] = set()  # other runs whose counters were seen to move
        self._alive_s: dict[str, float] = {}  # other run → when it was last found alive
        self._pool = ThreadPoolExecutor(folder.at_once) if folder.at_once > 1 else None
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
            self.release(*self._held)
            self._remove_dead()
            self._folder.remove(self._counter_of(self.run))
        if self._pool is not None:
            self._pool.shutdown()

    def _remove_dead(self) -> None:
        """Remove what killed runs left: claims on what they finished last, counters, notes."""
        claims = [name for found in self._map(self._names_in, self._folder.folders(FOLDER)) for name in found]
        owners = zip(claims, self._map(self._owner, claims), strict=True)
        self._map(self._clear, sorted({name.rpartition(".")[0] for name, run in owners if self._is_dead(run)}))
        for name in self._names_in(FOLDER):
            if self._is_dead(self._owner(name)):
                self._folder.remove(name)

    def _clear(self, stem: str) -> None:
        """Remove all claims on what is called `stem`, unless a live run has it."""
        names = self._take(stem)
        others = [name for name in self._folder.names(f"{stem}.") if name not in names] if names else []
        for name in (*others, *names):
            self._folder.remove(name)

    def _names_in(self, folder: str) -> list[str]:
        return list(self._folder.names(f"{folder}/"))

    def _map(self, function: Callable[[str], Found], names: Iterable[str]) -> list[Found]:
        """Return what a function returns for each name; where the folder answers over a network, many at a time."""
        return list((self._pool.map if self._pool is not None else map)(function, names))

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
        run = self._owner(name) or ""
        while processes.is_alive(run.rpartition("~")[0]) is None and self._counter_may_move(run):
            if run in self._moving:
                return True
            time.sleep(WATCH_S)
        return self._is_alive(run)

    def take(self, unit: str) -> bool:
        """Claim `unit` for this run; return False if a live run has it."""
        return bool(self.take_all((unit,)))

    def take_all(self, units: Iterable[str], named: Mapping[str, str] | None = None) -> set[str]:
        """Claim units for this run; return those that no live run has.

        named: what the claim of a unit is called where that is not the unit: of units with one name one is claimed.
        """
        wanted, named = set(units), named or {}
        missing = {
            unit: _stem(named.get(unit, unit)) for unit in wanted if unit not in self._held or unit in self._unsure
        }
        taken = set[str]()
        for unit, names in zip(missing, self._map(self._take, missing.values()), strict=True):
            if names:
                taken.add(unit)
                self._held[unit] = [*names, *(name for name in self._held.get(unit, ()) if name not in names)]
        self._unsure -= taken
        return taken | (wanted - missing.keys())

    def _take(self, stem: str) -> list[str]:
        """Claim what is called `stem`; return the names of its claims, this run's last; none if a live run has it."""
        first = f"{stem}{FIRST}"
        if self._folder.create(first, self.run.encode()):
            return [first]
        run = self._owner(first)
        if run == self.run:  # an error kept this run from removing it, or from knowing that it was created
            return [first]
        if not self._is_dead(run):
            return []
        owners = {name: self._owner(name) for name in self._folder.names(f"{stem}.")}
        if first not in owners or not self._all_dead(owners.values()):
            return []
        if self.run in owners.values():  # as above
            return sorted(owners, key=lambda name: owners[name] == self.run)
        own = f"{stem}.{max(int(name.rsplit('.', 1)[1]) for name in owners) + 1:04d}"
        if not self._folder.create(own, self.run.encode()):
            return []
        others = [name for name in self._folder.names(f"{stem}.") if name != own]
        if first not in others or not self._all_dead(map(self._owner, others)):
            self._folder.remove(own)  # it was released meanwhile, or two claimed it at once: both step back
            return []
        return [*others, own]

    def _all_dead(self, runs: Iterable[str | None]) -> bool:
        return all(run == self.run or self._is_dead(run) for run in runs)

    def release(self, *units: str) -> None:
        """Release units: they are finished, or left to others."""
        held = {unit: self._held[unit] for unit in units if unit in self._held}
        self._unsure.update(held)  # what could not be removed is still held, perhaps
        self._folder.remove_all([names[0] for names in held.values() if len(names) == 1])
        for names in held.values():
            for name in names if len(names) > 1 else ():
                self._folder.remove(name)
        self._unsure.difference_update(held)
        for unit in held:
            del self._held[unit]

    def _owner(self, name: str) -> str | None:
        """Return the run that a file belongs to, by its name or as a claim's content says; None if there is no file."""
        for mark in (BY, "/run-"):
            if mark in name:
                return name.rpartition(mark)[2]
        try:
            with self._folder.open(name) as file:
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def _is_dead(self, run: str | None) -> bool:
        """Return whether a run is known to have died; None: one whose claim was just removed."""
        return run is not None and not self._is_alive(run)

    def _is_alive(self, run: str) -> bool:
        if run == self.run or time.monotonic() - self._alive_s.get(run, -WATCH_S) < WATCH_S:
            return True
        alive = processes.is_alive(run.rpartition("~")[0])
        if alive is None:
            alive = self._counter_may_move(run)
        if alive:
            self._alive_s[run] = time.monotonic()
        return alive

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


def _stem(unit: str) -> str:
    """Return how the claims of a unit are called, without the generation; in many folders, since those are listed."""
    key = hashlib.sha256(unit.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{FOLDER}/{key[:2]}/{key[2:]}"
