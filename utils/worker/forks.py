"""Whether this process was forked from one that had PyTorch."""

import os
import sys

_lacks_threads = False


def avoid_lost_threads() -> None:
    """Compute on one thread if this process was forked after PyTorch was imported.

    OpenMP would wait forever for threads that only the parent has.
    """
    if _lacks_threads:
        import torch

        torch.set_num_threads(1)


def _note_fork() -> None:
    global _lacks_threads
    _lacks_threads = _lacks_threads or "torch" in sys.modules


os.register_at_fork(after_in_child=_note_fork)
