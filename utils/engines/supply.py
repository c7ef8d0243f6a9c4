"""The videos that a run has to hand out: what workers gave back, then the list."""

import collections
from dataclasses import replace

from utils.engines.held import Held
from utils.run.results import Results
from utils.run.todo import NothingYet, Todo
from utils.sinks.manifest_line import Status
from utils.worker.plan import Task


class Supply:
    """Hands out videos, and takes back those that a worker has not done.

    waiting: taken from the list, or given back. retries: to be handed out to a worker that has nothing else.
    exhausted: the list holds nothing more. list_is_dry: nothing more, or nothing for now.
    """

    def __init__(self, todo: Todo, results: Results) -> None:
        self._todo = todo
        self._results = results
        self._earlier: dict[str, list[Status]] = {}  # of feature types that a video gave before its worker died
        self.waiting: collections.deque[Task] = collections.deque()
        self.retries: collections.deque[Task] = collections.deque()
        self.exhausted = self.list_is_dry = False

    @property
    def is_over(self) -> bool:
        """Return whether there is nothing to hand out, and nothing will come from the list."""
        return self.exhausted and not self.waiting and not self.retries

    def look_ahead(self, n: int) -> bool:
        """Take videos from the list until `n` wait; return whether so many do."""
        while len(self.waiting) < n and (task := self._from_list()) is not None:
            self.waiting.append(task)
        return len(self.waiting) >= n

    def take(self, n: int) -> list[Task]:
        """Return the next videos, up to `n`."""
        self.look_ahead(n)
        return [self.waiting.popleft() for _ in range(min(n, len(self.waiting)))]

    def held(self, task: Task, begun: bool) -> Held:
        """Return what is known of a video that is handed out now."""
        return Held(task, list(task.feature_types), self._earlier.pop(task.ref.id, []), begun)

    def hand_back(self, held: Held, alone: bool = False) -> None:
        """Take back what a worker has not done of a video. alone: for a worker that has nothing else."""
        task = replace(held.task, feature_types=tuple(held.left))
        if held.statuses:
            self._earlier[task.ref.id] = held.statuses
        if alone:
            self.retries.append(task)
        else:
            self.waiting.appendleft(task)

    def _from_list(self) -> Task | None:
        """Return the next video of the list; None if there is none, or none now."""
        try:
            while (task := self._todo.next()) is not None:
                if task.ref.refused is None or task.ref.audio is not None:  # the worker records what each part lacks
                    self._results.handed_out(task)
                    self.list_is_dry = False
                    return task
                self._results.refused(task, *task.ref.refused)
        except NothingYet:
            self.list_is_dry = True
            return None
        self.exhausted = self.list_is_dry = True
        return None
