"""Which workers have videos that they have not begun, and which of them were asked to give those back."""

from collections.abc import Callable

from utils.engines.base import WorkerId
from utils.engines.held import Worker


class Ahead:
    """Counts videos ahead. With a thousand workers, each question must be answered without a look at all of them.

    recall: asks a worker for the videos that it has ahead.
    """

    def __init__(self, recall: Callable[[WorkerId], None]) -> None:
        self._recall = recall
        self._with_some: set[WorkerId] = set()
        self._to_ask: set[WorkerId] = set()  # of them: those that were not asked
        self._asked: set[WorkerId] = set()

    def count(self, number: WorkerId, worker: Worker, n: int) -> None:
        """Count videos that a worker has ahead, or no more where `n` is negative."""
        worker.n_ahead += n
        if not worker.n_ahead:
            self._with_some.discard(number)
            self._to_ask.discard(number)
        else:
            self._with_some.add(number)
            if number not in self._asked:
                self._to_ask.add(number)

    def recall(self, number: WorkerId) -> None:
        """Ask a worker, once."""
        if number not in self._asked:
            self._asked.add(number)
            self._to_ask.discard(number)
            self._recall(number)

    def recall_all(self, but: WorkerId | None = None) -> bool:
        """Ask all workers, but one; return whether others than that one have any."""
        for number in self._to_ask - {but}:
            self.recall(number)
        return self.any_but(but)

    def any_but(self, one: WorkerId | None = None) -> bool:
        """Return whether others than one have any."""
        return len(self._with_some) > (one in self._with_some)

    def answered(self, number: WorkerId, worker: Worker, n: int) -> None:
        """Note that a worker has given back `n` videos: it may be asked again."""
        self._asked.discard(number)
        self.count(number, worker, -n)

    def gone(self, number: WorkerId) -> None:
        """Forget a worker."""
        for one in (self._with_some, self._to_ask, self._asked):
            one.discard(number)
