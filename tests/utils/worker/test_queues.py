"""The queue of decoded chunks: its bounds, and letting go of threads that wait for room."""

import threading
import time

import pytest

from utils.worker.queues import BoundedQueue, Closed


def test_items_and_bytes_are_bounded():
    waiting, room = BoundedQueue(most_items=3, most_bytes=100), []

    def put_all():
        for name, n_bytes in (("large", 500), ("a", 60), ("b", 60), ("c", 1), ("d", 1), ("e", 1)):
            waiting.put(name, n_bytes)
            room.append(name)

    threading.Thread(target=put_all, daemon=True).start()
    entered, taken = [], []
    for _ in range(6):
        time.sleep(0.05)  # for the thread to go as far as it can
        entered.append(len(room))
        taken.append(waiting.get(1))
    assert taken == ["large", "a", "b", "c", "d", "e"]
    # "large" waits alone, then "a", as "b" has no room beside it; "b", "c" and "d" are three
    assert entered == [1, 2, 5, 6, 6, 6]
    assert waiting.get(0.01) is None


def test_a_closed_queue_lets_go_of_who_waits():
    waiting = BoundedQueue(most_items=1, most_bytes=100)
    waiting.put("a")
    closed = threading.Event()

    def put_more():
        with pytest.raises(Closed):
            waiting.put("b")
        closed.set()

    threading.Thread(target=put_more, daemon=True).start()
    time.sleep(0.05)
    waiting.close()
    assert closed.wait(5)
