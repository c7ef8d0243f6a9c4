"""How much of a media file is decoded at most, whatever its header promises."""

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Limits:
    """Bounds on one media file.

    max_pixels: width times height of a picture as stored. A larger one is refused before memory is taken for it.
    max_seconds: of the file, or of the segment asked for. What is shown or heard later is left out.
    """

    max_pixels: int = 2**26
    max_seconds: float = 86400.0

    def behind(self, time_base: Fraction, first: int) -> int:
        """Return the first clock tick that is too late, where `first` is the tick that the seconds count from."""
        return first + math.ceil(Fraction(str(self.max_seconds)) / time_base)

    @property
    def decoder_options(self) -> dict[str, str]:
        """What FFmpeg is told, so that it takes no memory for what is far too large; it counts padding as pixels."""
        return {"max_pixels": str(2 * self.max_pixels + 2**16)}


DEFAULT_LIMITS = Limits()
MAX_FPS = 1000  # a header that states a higher average rate is damaged or hostile
