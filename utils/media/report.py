"""The outcome of decoding a stream, complete once it is read to its end: how much there was, and what went wrong."""

from dataclasses import dataclass, field


@dataclass
class DecodeReport:
    """Problems met while decoding."""

    problems: list[str] = field(default_factory=list)  # each a clause such as "12 frames are damaged"
    partial: bool = False  # something of the stream is missing or damaged
    joints: list[int] = field(default_factory=list)  # times of packets at which the clock was corrected, in their units

    def note(self, problem: str) -> None:
        """Note, once, something unusual that loses nothing."""
        if problem not in self.problems:
            self.problems.append(problem)

    def damage(self, problem: str) -> None:
        """Note a problem that leaves the stream incomplete."""
        self.note(problem)
        self.partial = True

    def take_over(self, other: "DecodeReport") -> None:
        """Add the problems that another pass over the same stream met."""
        for problem in other.problems:
            self.note(problem)
        self.partial |= other.partial


@dataclass
class VideoReport(DecodeReport):
    """The outcome of decoding a video stream."""

    decoded: int = 0  # source frames that the decoder put out, of the segment asked for
    declared: int | None = None  # frames to show by the header; None where it gives no exact count, and for a segment
    decoded_s: float = 0.0  # seconds of the segment that `frame_times_s` has counted; other threads may ask
    length_s: float | None = None  # seconds that there are; None where the file does not say


@dataclass
class AudioReport(DecodeReport):
    """The outcome of decoding an audio stream."""

    samples: int = 0  # per channel, at the source's rate, including the silence in place of lost packets
    rate_hz: int = 0  # the source's rate
    duration_s: float = 0.0  # of the decoded samples
