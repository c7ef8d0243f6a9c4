"""A part of a media file, given by its times."""

from dataclasses import dataclass
from fractions import Fraction

from utils.errors import VideoError

TOLERANCE_S = Fraction(1, 10**6)  # lists give the time of a frame with six digits at most


@dataclass(frozen=True)
class Segment:
    """What is shown or heard from `start_s` until just before `end_s`, in seconds of the file's own clock.

    None: from the start of the file, to its end. A bound means the decimal digits that it prints with, and a frame up
    to a microsecond before it counts as at it; so adjacent segments neither share nor lose a frame.
    """

    start_s: float | None = None
    end_s: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether this is the whole file."""
        return self.start_s is None and self.end_s is None

    @property
    def origin_s(self) -> Fraction:
        """The start as an exact number; 0 where the segment starts with the file."""
        return Fraction(str(self.start_s)) if self.start_s is not None else Fraction(0)

    def units(self, time_base: Fraction) -> tuple[int | None, int | None]:
        """Return the first time inside and the first one after it, in time base units; None where there is no bound."""
        return _units(self.start_s, time_base), _units(self.end_s, time_base)

    def length_s(self, file_s: float | None, most_s: float) -> float | None:
        """Return how long it is in a file of `file_s` seconds, at most `most_s`; None where nothing says."""
        ends = [end_s for end_s in (file_s, self.end_s) if end_s is not None]
        return min(max(0.0, min(ends) - (self.start_s or 0.0)), most_s) if ends else None

    def check(self, label: str) -> None:
        """Raise VideoError unless the times are numbers and the end comes after the start."""
        try:
            start_s, end_s = (None if bound is None else Fraction(str(bound)) for bound in (self.start_s, self.end_s))
        except ValueError:
            raise VideoError(f"{label}: the segment{self} is not between two times. Correct the list.") from None
        if end_s is not None and end_s <= (start_s or 0):
            raise VideoError(f"{label}: the segment{self} is empty. Correct its start and end in the list.")

    def without_frames(self, label: str, file_s: float) -> VideoError:
        """Return the error of a video of `file_s` seconds that has no frame in the segment."""
        why = f"no frame starts in the segment{self}: the video is {file_s:.2f} s long"
        return VideoError(f"{label}: {why}. Correct the segment in the list.")

    def __str__(self) -> str:
        """Return " from 1.5 to 3 s", to follow a noun."""
        start = "" if self.start_s is None else f" from {self.start_s:g}"
        end = "" if self.end_s is None else f" to {self.end_s:g}"
        return f"{start}{end} s" if start or end else ""


WHOLE = Segment()


def _units(bound_s: float | None, time_base: Fraction) -> int | None:
    if bound_s is None:
        return None
    exact = (Fraction(str(bound_s)) - TOLERANCE_S) / time_base
    return -(-exact.numerator // exact.denominator)  # rounded up
