"""Which source frame is on screen at each frame of another rate, by the rule of ffmpeg's `fps` filter."""

import math
from fractions import Fraction

from utils.errors import UserError

MAX_TERM = 2**31 - 1  # ffmpeg stores a rate as two 32-bit integers


def parse_fps(fps: float | Fraction) -> Fraction:
    """Return a frame rate as the exact fraction that ffmpeg makes of the same digits: 29.97 is 2997/100.

    Raises UserError unless it is a positive number.
    """
    try:
        rate = Fraction(str(fps))
    except (ValueError, OverflowError):
        rate = Fraction(0)
    if rate <= 0 or rate > MAX_TERM:
        raise UserError(f"--extraction_fps is {fps}; it must be a positive number of frames per second.")
    if rate.denominator > MAX_TERM or rate.numerator > MAX_TERM:
        rate = rate.limit_denominator(min(MAX_TERM, int(MAX_TERM / rate)))
    if not rate:
        raise UserError(f"--extraction_fps is {fps}; that is too small for a frame rate.")
    return rate


def nearest(numerator: int, denominator: int) -> int:
    """Return the integer nearest to a fraction, halves away from zero (ffmpeg's AV_ROUND_NEAR_INF)."""
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


class FrameRateRule:
    """Says at which ticks of the new rate each source frame is on screen, one source frame after the other.

    Tick n is the time n / fps. A source frame's time is rounded to the nearest tick; the frame is on screen from there
    until the tick of the next frame. So a frame is dropped when the next one falls on its tick, and repeated over a
    gap. The first tick is that of the first frame; the last frame stays until the rounded end of the stream. This is
    what ffmpeg's `fps` filter does with its default options (round=near, eof_action=round).

    origin_s: the time of tick 0, which is the start of the segment that the frames are taken from.
    """

    def __init__(self, time_base: Fraction, fps: Fraction, origin_s: Fraction = Fraction(0)) -> None:
        self.fps = fps
        per_unit, shift = Fraction(time_base) * fps, origin_s * fps
        self._denominator = math.lcm(per_unit.denominator, shift.denominator)
        self._per_unit, self._shift = int(per_unit * self._denominator), int(shift * self._denominator)
        self._next: int | None = None

    def push(self, pts: int) -> range:
        """Take the time of the next source frame (in time base units); return the ticks that show the one before it.

        The first call returns an empty range.
        """
        return self._until(self.tick(pts))

    def finish(self, end: int) -> range:
        """Return the ticks that show the last frame. end: its time plus its duration, in time base units."""
        return range(0) if self._next is None else self._until(self.tick(end))

    def tick(self, pts: int) -> int:
        """Return the tick nearest to a time in time base units."""
        return nearest(pts * self._per_unit - self._shift, self._denominator)

    def _until(self, tick: int) -> range:
        """Return the ticks before `tick` that were not returned yet; none the first time."""
        start = tick if self._next is None else self._next
        shown = range(start, max(start, tick))
        self._next = shown.stop
        return shown
