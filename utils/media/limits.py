"""What of a media file is decoded: how much at most, whatever its header claims, and which of its tracks."""

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Limits:
    """Bounds on one media file, and choices among what it holds.

    max_pixels: width times height of a frame as stored. A larger one is refused before memory is allocated for it.
    max_seconds: length of the file, or of the segment asked for. What comes later is left out.
    max_bytes: of a file at an address.
    skip_silent: skip a video without sound, where sound is wanted.
    frames_fps: frames per second of a folder of pictures.
    video_track, audio_track: which stream of its kind, as its number from 0 or its language; "" for FFmpeg's choice.
    """

    max_pixels: int = 2**26
    max_seconds: float = 86400.0
    max_bytes: int = 2**36
    video_track: str = ""
    audio_track: str = ""
    frames_fps: float = 25.0
    skip_silent: bool = False

    def end(self, time_base: Fraction, first: int) -> int:
        """Return the first time that is too late, in time base units; the seconds count from `first`."""
        return first + math.ceil(Fraction(str(self.max_seconds)) / time_base)

    @property
    def cut_off(self) -> str:
        """What to say of a file that is longer than max_seconds, as a clause."""
        return f"it is longer than the {self.max_seconds:g} s of --max_seconds: the rest is left out"

    @property
    def decoder_options(self) -> dict[str, str]:
        """FFmpeg options that stop it from allocating far too large frames; FFmpeg counts padding as pixels."""
        return {"max_pixels": str(2 * self.max_pixels + 2**16)}


DEFAULT_LIMITS = Limits()
MAX_FPS = 1000  # a header with a higher average rate is damaged or hostile
