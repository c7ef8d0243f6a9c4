"""The three kinds of failure, told apart in code and in the exit code of the program."""


class FramemillError(Exception):
    """A failure with a message for the user: what happened, where, and what to do."""

    exit_code = 3


class UserError(FramemillError):
    """The command cannot work as given (a flag, a missing list, an absent GPU). Raised before any work."""

    exit_code = 2


class VideoError(FramemillError):
    """One input cannot be used. It is recorded, the run goes on, and ends with exit code 1."""

    exit_code = 1


class RunError(FramemillError):
    """The machine or the program failed (disk full, worker lost). The run stops cleanly and can be resumed."""

    exit_code = 3
