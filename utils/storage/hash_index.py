"""A map from 64-bit hashes to 64-bit integers, for tens of millions of entries in little memory."""

import numpy as np

RECENT = 1 << 17  # entries that are kept in a dict before they are merged into sorted arrays

Table = tuple[np.ndarray, np.ndarray]  # keys int64 [n], sorted and distinct, and their values int64 [n]


class HashIndex:
    """Signed 64-bit key → signed 64-bit value, at about 16 bytes an entry.

    The newest entries are in a dict, older ones in tables, each at least twice as long as the next. An entry replaces
    those of the same key in older tables.
    """

    def __init__(self) -> None:
        self._recent: dict[int, int] = {}
        self._tables: list[Table] = []

    def put(self, key: int, value: int) -> None:
        """Set the value of a key."""
        self._recent[key] = value
        if len(self._recent) >= RECENT:
            table = self._take_recent()
            while self._tables and len(self._tables[-1][0]) < 2 * len(table[0]):
                table = _merged(self._tables.pop(), table)
            self._tables.append(table)

    def get(self, key: int) -> int | None:
        """Return the value of a key, None if it has none."""
        if key in self._recent:
            return self._recent[key]
        for keys, values in reversed(self._tables):
            position = int(keys.searchsorted(key))
            if position < len(keys) and keys[position] == key:
                return int(values[position])
        return None

    def __len__(self) -> int:
        return len(self._whole()[0])

    def sorted_values(self) -> np.ndarray:
        """Return the values of all keys in rising order, int64 [n]."""
        return np.sort(self._whole()[1])

    def _whole(self) -> Table:
        """Merge everything into one table, and return it."""
        if self._recent or not self._tables:
            self._tables.append(self._take_recent())
        while len(self._tables) > 1:
            newer, older = self._tables.pop(), self._tables.pop()
            self._tables.append(_merged(older, newer))
        return self._tables[0]

    def _take_recent(self) -> Table:
        """Return the recent entries as a table, and forget them."""
        keys = np.fromiter(self._recent, np.int64, len(self._recent))
        values = np.fromiter(self._recent.values(), np.int64, len(self._recent))
        self._recent = {}
        order = np.argsort(keys)
        return keys[order], values[order]


def _merged(older: Table, newer: Table) -> Table:
    """Return the entries of two tables; of equal keys, the newer one's."""
    keys, values = np.concatenate([older[0], newer[0]]), np.concatenate([older[1], newer[1]])
    order = np.argsort(keys, kind="stable")  # equal keys stay in this order: the newer one is the last
    keys, values = keys[order], values[order]
    last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
    return keys[last], values[last]
