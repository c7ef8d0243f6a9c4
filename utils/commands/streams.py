"""Standard output and error that may be closed, full, or a pipe that nobody reads: they never stop a run."""

import contextlib
import errno
import os
import sys
from collections.abc import Generator, Iterable
from typing import Any, TextIO, cast


class TolerantStream:
    """A text stream that swallows all text once writing has failed. failure: the error, None if there was none."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        """Write, or pretend to."""
        if self.failure is None:
            try:
                return self._stream.write(text)
            except (OSError, ValueError) as error:  # ValueError: it was closed
                self.failure = error
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, or pretend to."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush what was written, if that is possible."""
        if self.failure is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self.failure = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard() -> None:
    """Make the standard streams of this process tolerant. Call once, before anything is opened.

    A closed descriptor is opened on the null device: the next file to be opened would get its number, and with it what
    is printed.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
            os.set_inheritable(descriptor, True)  # workers need it as well; open may have returned this very number
    _make_tolerant()


def _make_tolerant() -> None:
    sys.stdout = _made_tolerant(sys.stdout)  # pyright: ignore[reportAttributeAccessIssue]  # forwards the rest
    sys.stderr = _made_tolerant(sys.stderr)  # pyright: ignore[reportAttributeAccessIssue]  # forwards the rest


def _made_tolerant(stream: TextIO | None) -> TolerantStream:
    """Return a tolerant stream; one that was closed when the process started has failed already."""
    null = None if stream else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - as long as it is used
    made = TolerantStream(cast(TextIO, stream or null))
    made.failure = None if stream else OSError(errno.EBADF, os.strerror(errno.EBADF))
    return made


@contextlib.contextmanager
def tolerant() -> Generator[None, None, None]:
    """Make the standard streams tolerant in the block, unless `guard` has: its caller goes on to use its own."""
    if isinstance(sys.stdout, TolerantStream):
        yield
        return
    callers = sys.stdout, sys.stderr
    _make_tolerant()
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = callers


def settle() -> bool:
    """Flush the standard streams; where that fails, keep the interpreter's own last flush from reporting it.

    Return whether all of standard output was written, or as much as its reader wanted.
    """
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.flush()
        if getattr(stream, "failure", None) is not None:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    failure = getattr(sys.stdout, "failure", None)
    return failure is None or isinstance(failure, BrokenPipeError)
