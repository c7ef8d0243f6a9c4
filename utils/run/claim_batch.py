"""How many videos a run claims at once."""

import math
import time

MOST_CLAIMED = 256  # videos at once
SHORT_S, LONG_S = 0.5, 2.0  # that a batch of claims lasts


class ClaimBatch:
    """How many videos are claimed at once: at an address each request takes a while, and many can be made at once.

    About as many as are handed out in a second: what is claimed is kept from other runs that share the list.
    """

    def __init__(self) -> None:
        self.size = 1
        self._since_s = -math.inf

    def next_size(self) -> int:
        """Return the size of the next one; the one before has been handed out."""
        lasted_s = time.monotonic() - self._since_s
        self._since_s = time.monotonic()
        if lasted_s < SHORT_S:
            self.size = min(2 * self.size, MOST_CLAIMED)
        elif lasted_s > LONG_S:
            self.size = max(1, self.size // 2)
        return self.size
