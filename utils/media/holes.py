"""Holes in the times of a stream's packets: where they say that something is missing."""

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from utils.media.audio_gaps import JITTER_S

REORDERED = 16  # frames that come before one that is shown earlier, at most
REGULAR = 0.9  # share of equal intervals that makes a stream of frames a regular one
MOST_INTERVALS = 1000  # that are told apart


class Holes(NamedTuple):
    """How many holes there are, and how long they are together in time base units."""

    n: int
    missing: int


class AudioHoles:
    """Looks for times between packets that no packet covers, for at least half as long as a packet lasts."""

    def __init__(self, unit_s: Fraction) -> None:
        self._jitter = math.floor(JITTER_S / unit_s)
        self._end: int | None = None  # of the last packet; None where its duration is not known
        self._n = self._missing = 0
        self._longest = 0  # duration of a packet

    def push(self, pts: int, duration: int, *, is_joint: bool) -> None:
        """Take the next packet's time. is_joint: the clock was corrected there."""
        self._longest = max(self._longest, duration)
        missing = pts - self._end if self._end is not None and not is_joint else 0
        if abs(missing) > self._jitter and 2 * abs(missing) >= min(duration or abs(missing), self._longest):
            self._n += 1 if missing > 0 else -1  # an overlap takes back a hole: the time between was inexact
            self._missing += missing
        self._end = pts + duration if duration else None

    def found(self) -> Holes:
        """Return the holes so far."""
        return Holes(self._n, self._missing) if self._n > 0 else Holes(0, 0)


class FrameHoles:
    """Looks for intervals between frames that are longer than usual, in a stream of frames at a regular rate.

    joints: times before which the clock was corrected, so that nothing is missing there; it may grow meanwhile.
    """

    def __init__(self, unit_s: Fraction, joints: Sequence[int] = ()) -> None:
        self._jitter = float(JITTER_S / unit_s)
        self._waiting: list[int] = []  # times, put in order
        self._shown: int | None = None  # time of the frame before
        self._intervals: Counter[int] = Counter()
        self._joints, self._n_joints = joints, 0  # and how many of them frames were shown after

    def push(self, pts: int) -> None:
        """Take the next packet's time."""
        heapq.heappush(self._waiting, pts)
        if len(self._waiting) > REORDERED:
            self._show()

    def _show(self) -> None:
        pts = heapq.heappop(self._waiting)
        n_before = self._n_joints
        while self._n_joints < len(self._joints) and self._joints[self._n_joints] <= pts:
            self._n_joints += 1
        if self._shown is not None and self._n_joints == n_before and len(self._intervals) < MOST_INTERVALS:
            self._intervals[pts - self._shown] += 1
        self._shown = pts

    @property
    def interval(self) -> int:
        """The usual time from frame to frame."""
        return self._intervals.most_common(1)[0][0] if self._intervals else 0

    def found(self) -> Holes:
        """Return the holes at the end of the stream; none if its rate varies."""
        while self._waiting:
            self._show()
        total, usual = self._intervals.total(), self.interval
        slack = usual / 4 + self._jitter
        regular = sum(n for interval, n in self._intervals.items() if abs(interval - usual) <= slack)
        if total < REORDERED or regular < REGULAR * total:
            return Holes(0, 0)
        holes = {interval: n for interval, n in self._intervals.items() if interval > usual + slack}
        overlaps = {interval: n for interval, n in self._intervals.items() if interval < usual - slack}
        # An overlap takes back a hole: a time that FFmpeg made up was inexact.
        n = sum(holes.values()) - sum(overlaps.values())
        missing = sum((interval - usual) * n for interval, n in (holes | overlaps).items())
        if n <= 0 and missing <= slack:
            return Holes(0, 0)
        return Holes(max(1, n), missing) if missing > 0 else Holes(0, 0)
