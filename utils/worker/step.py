"""One network at a time takes a step in the calling process, and no fork falls within a step."""

import concurrent.futures.thread  # noqa: F401  # pyright: ignore[reportUnusedImport]  # see below
import os
import threading

# A fork takes the locks of its hooks, the last registered first: STEP before that of thread pools, as steps do.
STEP = threading.RLock()  # held while PyTorch's flags are a network's: they are the whole process's
os.register_at_fork(before=STEP.acquire, after_in_parent=STEP.release, after_in_child=STEP.release)
