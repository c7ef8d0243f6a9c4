"""Decoded sound kept on the file's clock: silence where samples are missing, nothing twice where they overlap."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame

GAP_S = Fraction(1, 10)  # a larger difference is mended: min_hard_comp of ffmpeg's aresample=async=1
JITTER_S = Fraction(5, 1000)  # clocks of milliseconds, rounded twice
ROUNDED_UNITS = 2  # of coarser clocks
ALONE_S = 1  # longest gap before a packet that is alone, with gaps on both sides: discontinuous Opus sends such ones
SILENCE_S = 10  # at once
LATE_TIMES = ("pcm_dvd",)  # sound whose packets have the time of the first frame that starts in them, not of their own

FrameOrSilence = AudioFrame | np.ndarray  # a frame, or float32 [n] of silence


@dataclass(frozen=True)
class Heard:
    """A frame or silence whose first `skipped` samples were heard before."""

    decoded: FrameOrSilence
    skipped: int = 0
    fills_gap: bool = False  # silence where the container has no sound, not in place of a lost packet

    @property
    def samples(self) -> int:
        """How many samples it has, with those skipped."""
        return len(self.decoded) if isinstance(self.decoded, np.ndarray) else self.decoded.samples


class ShortGaps:
    """Counts gaps of a packet or two, too short to be filled one by one, from how much is missing before each frame.

    A time may be inexact, and one that FFmpeg makes up adds up rounded durations (laced blocks of Matroska, RealMedia):
    such times fall back and catch up. So a gap is what goes at once beyond the most that was missing before, and stays.

    unit_s: of the frames' times. may_be_late: these are up to a frame late, see `LATE_TIMES`.
    """

    def __init__(self, unit_s: Fraction, *, may_be_late: bool = False) -> None:
        self._may_be_late, self._late_s = may_be_late, 0.0
        self._jitter_s = float(max(JITTER_S, ROUNDED_UNITS * unit_s))
        self._n, self._seconds = 0, 0.0  # settled
        self.restart()

    def restart(self) -> None:
        """Start over where the difference was mended, which covers the gaps before."""
        self._most_s = 0.0  # that was missing
        self._gaps: list[tuple[float, float]] = []  # how much was missing before and after each

    def settle(self) -> None:
        """Start over where the sample rate changes."""
        self._n, self._seconds = self.found()
        self.restart()

    def push(self, missing_s: float, frame_s: float) -> None:
        """Take how much is missing before the next frame, and how long that is."""
        if self._may_be_late:
            self._late_s = max(self._late_s, frame_s)
            self._most_s = max(self._most_s, self._late_s)
        while self._gaps and 2 * (missing_s + self._late_s) < sum(self._gaps[-1]):
            self._most_s, _ = self._gaps.pop()
        gap_s = missing_s - self._most_s
        if gap_s > self._jitter_s and 2 * gap_s >= frame_s:
            self._gaps.append((self._most_s, missing_s))
        self._most_s = max(self._most_s, missing_s)

    def found(self) -> tuple[int, float]:
        """Return how many gaps there are so far, and how long they are together in seconds."""
        return self._n + len(self._gaps), self._seconds + sum(after_s - before_s for before_s, after_s in self._gaps)


class GapFiller:
    """Compares the times of decoded frames with the number of samples so far.

    A difference of more than 0.1 s is mended at once, as ffmpeg's aresample=async=1 does: silence fills a gap (packets
    that are missing or were never sent), samples that overlap with earlier ones are left out. A time
    that the next frame does not confirm is damaged, and the frame stays where it is. So does a frame with the
    same time as the one before it.

    unit_s, may_be_late: as for `ShortGaps`.
    """

    def __init__(self, unit_s: Fraction, *, may_be_late: bool = False) -> None:
        self._unit_s = unit_s.as_integer_ratio()  # of the frames' times
        self._rate_hz = self._slack = 0  # slack: samples of GAP_S
        self._anchor = 0  # the time that samples are counted from
        self._n = 0  # samples since then
        self._to_skip = 0
        self._last_pts: int | None = None
        self.short = ShortGaps(unit_s, may_be_late=may_be_late)
        self.n_gaps = 0
        self.silence_s = 0.0
        self.overlap_s = 0.0

    def fill(self, decoded: Iterator[FrameOrSilence]) -> Iterator[Heard]:
        """Yield what is decoded, with the gaps filled."""
        for frame, following in itertools.pairwise(itertools.chain(decoded, [None])):
            if isinstance(frame, AudioFrame):
                missing = self._missing(frame, following)
                if missing > 0:
                    self.n_gaps += 1
                    self.silence_s += missing / self._rate_hz
                    yield from self._silence(missing)
                elif missing < 0:
                    self._to_skip = -missing
                    self.overlap_s -= missing / self._rate_hz
                if missing:
                    self.short.restart()
            if frame is None:
                continue
            heard = Heard(frame)
            skipped = min(self._to_skip, heard.samples)
            self._to_skip -= skipped
            self._n += heard.samples - skipped
            if skipped < heard.samples:
                yield Heard(frame, skipped)

    def _missing(self, frame: AudioFrame, following: FrameOrSilence | None) -> int:
        """Return how many samples are missing before a frame; negative where it overlaps."""
        stands_still = frame.pts == self._last_pts  # where the container has no time for each packet
        self._last_pts = frame.pts
        if frame.pts is None or stands_still or self._to_skip:
            return 0
        if frame.sample_rate != self._rate_hz:
            self._rate_hz, self._anchor, self._n = frame.sample_rate, frame.pts, 0
            self._slack = int(GAP_S * self._rate_hz)
            self.short.settle()
        missing, slack = self._off_by(frame.pts), self._slack
        if abs(missing) <= slack:
            self.short.push(missing / self._rate_hz, frame.samples / self._rate_hz)
            return 0
        if following is None:
            return 0
        is_short = abs(missing) <= ALONE_S * self._rate_hz
        if isinstance(following, np.ndarray) or following.pts in (None, frame.pts):
            return missing if is_short else 0
        off_by = self._off_by(following.pts) - frame.samples
        return missing if abs(off_by - missing) <= slack or (is_short and abs(off_by) > slack) else 0

    def _off_by(self, pts: int) -> int:
        """Return how many samples lie between the last one and a time."""
        numerator, denominator = self._unit_s
        return rounded((pts - self._anchor) * numerator * self._rate_hz, denominator) - self._n

    def _silence(self, n: int) -> Iterator[Heard]:
        self._n += n
        for start in range(0, n, SILENCE_S * self._rate_hz):
            yield Heard(np.zeros(min(n - start, SILENCE_S * self._rate_hz), np.float32), fills_gap=True)


def rounded(numerator: int, denominator: int) -> int:
    """Return the integer nearest to a fraction, halves to even as `round` does; without the cost of a Fraction."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2))
