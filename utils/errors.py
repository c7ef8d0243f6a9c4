"""The kinds of failure, each with an exit code of the program."""

import re
import signal

PROGRAM = "featmill" if __name__.startswith("featmill.") else "python main.py"  # how this is called, for messages


class FeatmillError(Exception):
    """A failure with a message for the user: where, what happened, and what to do."""

    exit_code = 3


class UserError(FeatmillError):
    """The command cannot work as given (a flag, a missing list, an absent GPU). Raised before any work."""

    exit_code = 2


class VideoError(FeatmillError):
    """One input cannot be used. It is recorded; the run continues, and ends with exit code 1."""

    exit_code = 1


class SkippedError(VideoError):
    """One input cannot be used, and the user asked to skip such ones: recorded as skipped, which is not a failure."""


class RunError(FeatmillError):
    """The machine or the program failed (disk full, worker lost). The run stops cleanly and can be resumed."""

    exit_code = 3


class Interrupted(Exception):  # noqa: N818 - not an error: the user asked for it
    """Ctrl-C or SIGTERM."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


# Control characters, terminal escapes, and marks that change the direction of writing: a file's name may hold them.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str, encoding: str = "utf-8") -> str:
    """Return `text` as a terminal may show it: what could act on the terminal, or cannot be encoded, is escaped."""
    text = UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
    return text.encode(encoding, "backslashreplace").decode(encoding)
