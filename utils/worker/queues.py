"""Queues between threads, bounded by the bytes they hold as well as by their items: frames differ in size."""

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Closed(Exception):  # noqa: N818 - no error: one side needs the other no more
    """The queue takes no more, or gives no more."""


class BoundedQueue(Generic[Item]):
    """Items from many threads for one, in the order in which they were put.

    most_items, most_bytes: what waits at most; an item larger than that waits alone.
    """

    def __init__(self, most_items: int, most_bytes: int) -> None:
        self._most_items = most_items
        self._most_bytes = most_bytes
        self._items: deque[tuple[Item, int]] = deque()
        self._n_bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: Item, n_bytes: int = 0) -> None:
        """Add an item once there is room for it.

        Raises:
            Closed: nobody will take it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_room(n_bytes))
            if self._closed:
                raise Closed
            self._items.append((item, n_bytes))
            self._n_bytes += n_bytes
            self._changed.notify_all()

    def _has_room(self, n_bytes: int) -> bool:
        if not self._items:
            return True
        return len(self._items) < self._most_items and self._n_bytes + n_bytes <= self._most_bytes

    def get(self, timeout_s: float | None = None) -> Item | None:
        """Return the next item, or None if none comes within `timeout_s` seconds.

        Raises:
            Closed: none will ever come.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._closed, timeout_s):
                return None
            if not self._items:
                raise Closed
            item, n_bytes = self._items.popleft()
            self._n_bytes -= n_bytes
            self._changed.notify_all()
            return item

    def close(self, drop: bool = True) -> None:
        """Take no more items, and release the threads that wait for room. drop: drop the waiting items, too."""
        with self._changed:
            self._closed = True
            if drop:
                self._items.clear()
                self._n_bytes = 0
            self._changed.notify_all()
