"""What came of decoding a stream: how much, what was promised, what went wrong. Final once it is read to its end."""

from dataclasses import dataclass, field


@dataclass
class DecodeReport:
    """Problems met while decoding."""

    problems: list[str] = field(default_factory=list)  # each a clause such as "12 frames are damaged"
    partial: bool = False  # something of the stream is missing or damaged

    def note(self, problem: str) -> None:
        """Note, once, something unusual that loses nothing."""
        if problem not in self.problems:
            self.problems.append(problem)

    def damage(self, problem: str) -> None:
        """Note a problem that leaves the stream incomplete."""
        self.note(problem)
        self.partial = True


@dataclass
class VideoReport(DecodeReport):
    """What came of decoding a video stream."""

    decoded: int = 0  # source frames that came out of the decoder, of the segment asked for
    declared: int | None = (
        None  # frames that the header promises to show; None where it makes no exact promise, and of a segment
    )


@dataclass
class AudioReport(DecodeReport):
    """What came of decoding an audio stream."""

    samples: int = 0  # per channel, at the source's rate, silence put in for lost packets included
    rate_hz: int = 0  # the source's rate
    duration_s: float = 0.0  # of the decoded samples
