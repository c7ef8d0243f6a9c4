"""Steps that merging shares, whichever files it writes."""

import contextlib
import time
from collections.abc import Generator, Sequence

from utils.errors import RunError
from utils.run.merge_journal import key
from utils.sinks.manifest_line import ManifestLine
from utils.sinks.staging import is_staged, remove_staged
from utils.state.claims import Claims
from utils.storage.folder import Folder

WAIT_S = 0.5


@contextlib.contextmanager
def claimed(claims: Claims, unit: str) -> Generator[None, None, None]:
    """Wait until no other run merges here."""
    while not claims.take(unit):
        time.sleep(WAIT_S)
    try:
        yield
    finally:
        claims.release(unit)


def remove_lost(folder: Folder, waiting: Sequence[ManifestLine], merged: Sequence[ManifestLine]) -> int:
    """Remove the staged files that were too damaged to merge, so that their videos are extracted again; count them."""
    done = set(map(key, merged))
    lost = [line for line in waiting if key(line) not in done]
    remove_staged(folder, (output for line in lost for output in line.outputs))
    return len(lost)


def report_lost(n_lost: int) -> None:
    """Raise RunError if features were lost."""
    if n_lost:
        raise RunError(
            f"the features of {n_lost} videos were damaged before they could be merged; run the same command again, "
            "which extracts them again"
        )


def is_waiting(line: ManifestLine) -> bool:
    """Return whether a line's outputs are staged."""
    return any(map(is_staged, line.outputs))
