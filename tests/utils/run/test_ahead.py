"""Looking at what comes next in a list."""

import threading

from utils.run.ahead import ahead


def test_one_at_a_time_waits_for_its_turn():
    seen: list[int] = []
    looked = ahead(lambda item: seen.append(item) or -item, iter(range(5)), 1)
    assert (next(looked), next(looked), seen) == (0, -1, [0, 1])


def test_many_at_a_time_are_looked_at_together_and_come_in_order():
    together, taken = threading.Barrier(3), iter(range(9))
    looked = ahead(lambda item: (together.wait(10), -item)[1], taken, 3)
    assert next(looked) == 0
    assert next(taken) == 3  # no further than it looks
    taken = iter((4, 5, 6))
    assert list(ahead(lambda item: -item, taken, 2)) == [-4, -5, -6]
