"""Which frames of a video somebody wants: at which rate, and which of those."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from utils.media.frame_rate import FrameRateRule, parse_fps


@dataclass(frozen=True)
class View:
    """The frames that one feature type sees of a video.

    fps: at this rate, each frame showing what is on screen at its time by the rule of ffmpeg's `fps` filter (see
        `FrameRateRule`); None for every frame of the video itself.
    wanted: output numbers of the only frames to yield; None for all of them.
    side: pixels of the shorter side that frames are scaled to, as by `ScaledRgbConverter`; None for their own size.
    faster_if_short: a video shorter than 1 / fps + 0.1 s has 2 / max(int(seconds), 1) frames per second instead, as in
        linjieli222/HERO_Video_Feature_Extractor, clip/video_loader.py, commit edcc012.
    """

    fps: float | Fraction | None = None
    wanted: Sequence[int] | None = None
    side: int | None = None
    faster_if_short: bool = False

    def rate(self, length_s: float | None) -> Fraction | None:
        """Return the frames per second of a video of so many seconds, if that is known; None for its own."""
        if self.fps is None:
            return None
        if self.faster_if_short and length_s and length_s < 1 / self.fps + 0.1:
            return Fraction(2, max(int(length_s), 1))
        return parse_fps(self.fps)


class Cursor:
    """Says which outputs of a view show a source frame: (output number, time in seconds), one frame after the other.

    At the video's own rate an output is known when its frame comes, at another rate only when the next frame comes.
    length_s: seconds of the video, if that is known. origin_s: start of the segment that the frames are taken from.
    """

    def __init__(self, view: View, time_base: Fraction, length_s: float | None, origin_s: Fraction) -> None:
        rate = view.rate(length_s)
        self._rule = None if rate is None else FrameRateRule(time_base, rate, origin_s)
        self._per_s = time_base.as_integer_ratio()
        self._origin_s = origin_s
        self.count = 0  # outputs so far, wanted or not
        self.want(view.wanted)

    @property
    def fps(self) -> Fraction | None:
        """The rate asked for; None for the video's own."""
        return None if self._rule is None else self._rule.fps

    def want(self, wanted: Sequence[int] | None) -> None:
        """Choose the outputs to yield."""
        self._wanted = None if wanted is None else frozenset(wanted)
        self._end = None if self._wanted is None else max(self._wanted, default=-1) + 1

    @property
    def done(self) -> bool:
        """Whether no further output is wanted."""
        return self._end is not None and self.count >= self._end

    @property
    def missing(self) -> str:
        """The wanted frames that did not come, as a clause; empty if all came."""
        if self._wanted is None or self.done:
            return ""
        n_missing = sum(1 for number in self._wanted if number >= self.count)
        return f"{n_missing} of the {len(self._wanted)} frames asked for are past its end"

    def before(self, pts: int) -> Iterator[tuple[int, float]]:
        """Take the next frame's time in time base units; yield the outputs that show the frame before it."""
        return iter(()) if self._rule is None else self._ticks(self._rule, self._rule.push(pts))

    def now(self, pts: int) -> Iterator[tuple[int, float]]:
        """Yield the output that is the frame itself."""
        if self._rule is None:
            units, per_s = self._per_s
            yield from self._chosen(self.count, pts * units / per_s)

    def finish(self, end: int) -> Iterator[tuple[int, float]]:
        """Yield the outputs that show the last frame. end: its time plus its duration, in time base units."""
        return iter(()) if self._rule is None else self._ticks(self._rule, self._rule.finish(end))

    def _ticks(self, rule: FrameRateRule, ticks: range) -> Iterator[tuple[int, float]]:
        for tick in ticks:
            if self.done:
                return
            yield from self._chosen(self.count, float(self._origin_s + tick / rule.fps))

    def _chosen(self, number: int, time_s: float) -> Iterator[tuple[int, float]]:
        """Count an output, and yield it if it is wanted."""
        self.count += 1
        if self._wanted is None or number in self._wanted:
            yield number, time_s
