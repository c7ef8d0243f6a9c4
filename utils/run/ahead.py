"""Looking at what comes next in a list, where each look takes a while."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


def ahead(look: Callable[[Item], Found], items: Iterator[Item], at_once: int) -> Iterator[Found]:
    """Yield what a look at each item finds, in order.

    at_once: how many are looked at in parallel, before the first of them is yielded; 1: each when its turn comes.
    """
    if at_once == 1:
        yield from map(look, items)
        return
    with ThreadPoolExecutor(at_once) as pool:
        while some := list(itertools.islice(items, at_once)):
            yield from list(pool.map(look, some))  # all of them: nothing runs meanwhile
