"""One task of an array job: the program on a part of the list, in a process of its own."""

import subprocess
import time
from collections.abc import Sequence
from typing import Any

from utils.errors import VideoError

GRACE_S = 60  # that a stopped run gets to finish what it is writing
POLL_S = 0.2


class ArrayTask:
    """What submitit runs for a task, and submits again where the scheduler stops it early: runs resume.

    command: of the program, with its flags. part, n_parts: of the list. process: of the program, while it runs.
    """

    def __init__(self, command: Sequence[str], part: int, n_parts: int) -> None:
        self._command = [*command, "--shard", f"{part}/{n_parts}"]
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> int:
        """Run the program; return its exit code, 0 or 1 (some videos failed).

        Raises:
            RuntimeError: it ended otherwise, so that the scheduler counts the task as failed.
        """
        process = self.process = subprocess.Popen(self._command)
        while (exit_code := process.poll()) is None:  # not wait: `checkpoint`, a signal's handler, waits too
            time.sleep(POLL_S)
        self.process = None
        if exit_code not in (0, VideoError.exit_code):
            raise RuntimeError(f"{' '.join(self._command)} ended with exit code {exit_code}; its error is above")
        return exit_code

    def checkpoint(self) -> Any:
        """Stop the program and return this task, to be submitted again: the scheduler takes the machine away."""
        from submitit.helpers import DelayedSubmission

        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        return DelayedSubmission(self)
