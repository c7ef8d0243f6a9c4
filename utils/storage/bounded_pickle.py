"""Unpickling in bounded time, however the pickle was made.

A pickle is a program, and a short one can run for years: millions of nested lists, a key of tuples that hold each other
twice (hashing it visits every path), numbers whose hashes collide, one long text encoded again and again. Imports no
torch.
"""

import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, ClassVar

MOST_STEPS = 1_000_000  # one or two seconds; a checkpoint takes 35 per tensor
STEP_BYTES = 4096  # copied in the time of one step
MOST_ODD_KEYS = 10_000  # tuples, large numbers and objects as keys: their hashes can be made to collide
SMALL_BITS = 60  # integers up to this size are their own hashes


class BoundedUnpickler(pickle._Unpickler):  # pyright: ignore[reportPrivateUsage]  # C's has no place to count steps
    """Counts the operations of a pickle as steps, and refuses one with too many, or with keys that are slow to hash.

    Raises, on load:
        pickle.UnpicklingError: the pickle is refused.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]]  # operation → what carries it out

    def __init__(self, file: BinaryIO, encoding: str = "ASCII", most_steps: int = MOST_STEPS) -> None:
        super().__init__(file, encoding=encoding)
        self._most_steps = most_steps
        self._steps = 0
        self._n_odd_keys = 0

    def spend(self, steps: int) -> None:
        """Count steps."""
        self._steps += steps
        if self._steps > self._most_steps:
            raise pickle.UnpicklingError(f"reading it takes more than {self._most_steps} steps")

    def check_keys(self, keys: Iterable[Any]) -> None:
        """Raise UnpicklingError if it may take long to hash and compare these keys."""
        for key in keys:
            kind = type(key)
            if kind is str or kind is bytes or (kind is int and key.bit_length() <= SMALL_BITS):
                continue
            self._n_odd_keys += 1
            if self._n_odd_keys > MOST_ODD_KEYS:
                raise pickle.UnpicklingError(f"it has more than {MOST_ODD_KEYS} keys that are not text")
            self.spend(_size(key))
            if is_nested(key):
                raise pickle.UnpicklingError("it has nested tuples as keys")


def is_nested(key: Any) -> bool:
    """Return whether a key is a tuple or set that holds another."""
    return isinstance(key, tuple | frozenset) and any(isinstance(part, tuple | frozenset) for part in key)


def ordered_dict(items: Iterable[Any] = ()) -> OrderedDict[str, Any]:
    """Return an ordered dict, as pickles ask for; ValueError for keys that are not text."""
    made = OrderedDict[str, Any]()
    for key, value in items:
        if not isinstance(key, str):
            raise ValueError("an ordered dict with keys that are not text")
        made[key] = value
    return made


def encoded(text: str, encoding: str) -> bytes:
    """Return text as bytes in Latin 1, by which Python 2 and protocol 2 write bytes; ValueError for other encodings."""
    if encoding != "latin1":
        raise ValueError(f"text in the encoding {encoding[:20]!r}, which pickles do not have")
    return text.encode("latin1")


def _size(value: Any) -> int:
    """Return how many steps it takes to copy or hash a value."""
    if isinstance(value, str | bytes | bytearray):
        return len(value) // STEP_BYTES
    if isinstance(value, int):
        return value.bit_length() // STEP_BYTES
    return sum(1 + _size_of_part(part) for part in value) if isinstance(value, tuple) else _size_of_part(value)


def _size_of_part(value: Any) -> int:
    if isinstance(value, str | bytes | bytearray):
        return len(value) // STEP_BYTES
    return len(value) if isinstance(value, tuple | list | dict | set | frozenset) else 0


def _counted(operation: Callable[[Any], None]) -> Callable[[BoundedUnpickler], None]:
    def step(unpickler: BoundedUnpickler) -> None:
        unpickler.spend(1)
        operation(unpickler)

    return step


def _with_keys(operation: Callable[[Any], None], keys: Callable[[list[Any]], list[Any]]) -> Callable[[Any], None]:
    """Return an operation that checks the keys on the stack first."""

    def step(unpickler: Any) -> None:
        unpickler.spend(1)
        unpickler.check_keys(keys(unpickler.stack))
        operation(unpickler)

    return step


def _with_arguments(operation: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return an operation that counts the size of its arguments, on top of the stack, as steps."""

    def step(unpickler: Any) -> None:
        unpickler.spend(1 + sum(map(_size, unpickler.stack[-2:])))
        operation(unpickler)

    return step


def _byte_array(unpickler: Any) -> None:
    """Read an array of bytes. Python's own way allocates as many as the pickle says."""
    unpickler.spend(1)
    n_bytes = int.from_bytes(unpickler.read(8), "little")
    unpickler.append(bytearray(unpickler.read(min(n_bytes, sys.maxsize))))


BoundedUnpickler.dispatch = {
    code: _counted(operation)
    for code, operation in pickle._Unpickler.dispatch.items()  # pyright: ignore[reportPrivateUsage]  # as above
}
for _code, _keys in (
    (pickle.SETITEM, lambda stack: stack[-2:-1]),
    (pickle.SETITEMS, lambda stack: stack[::2]),
    (pickle.DICT, lambda stack: stack[::2]),
    (pickle.ADDITEMS, list),
    (pickle.FROZENSET, list),
):
    BoundedUnpickler.dispatch[_code[0]] = _with_keys(pickle._Unpickler.dispatch[_code[0]], _keys)
BoundedUnpickler.dispatch[pickle.BYTEARRAY8[0]] = _byte_array
for _code in (pickle.REDUCE, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.BUILD):
    BoundedUnpickler.dispatch[_code[0]] = _with_arguments(pickle._Unpickler.dispatch[_code[0]])
