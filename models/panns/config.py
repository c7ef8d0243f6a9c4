"""The settings of PANNs CNN14."""

from dataclasses import dataclass, replace
from typing import cast

from utils.config import shared_flags
from utils.config.schema import Config, flag
from utils.media.audio_rules import LIBROSA, AudioClock, AudioRules

GROUP = "panns"
SHORTEST_S = 0.31  # 31 steps of the spectrogram, which the network halves five times


@dataclass(frozen=True)
class FrontEnd:
    """The log mel spectrogram that a network was trained on: sizes in samples, band edges in Hz."""

    rate_hz: int
    n_fft: int
    hop: int
    highest_hz: float

    @property
    def n_bins(self) -> int:
        """Frequencies of a spectrum."""
        return self.n_fft // 2 + 1


FRONT_ENDS = {"cnn14": FrontEnd(32000, 1024, 320, 14000.0), "cnn14_16k": FrontEnd(16000, 512, 160, 8000.0)}


@dataclass(frozen=True)
class PANNsConfig(Config):
    """The flags of `--feature_type panns`."""

    model_name: str = flag(
        "cnn14", "network: of sound at 32 kHz, or at 16 kHz (cnn14_16k)", group=GROUP, choices=FRONT_ENDS
    )
    window_s: float = shared_flags.window_s(GROUP, 2.0, SHORTEST_S)
    hop_s: float | None = shared_flags.hop_s(GROUP, "(default: --window_s)")
    align_rows: str = shared_flags.align_rows(GROUP)
    tail: str = shared_flags.tail(GROUP, "sound", "sample")
    sound_clock: str = shared_flags.sound_clock(GROUP)
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "the published file of --model_name")

    def __post_init__(self) -> None:
        super().__post_init__()
        shared_flags.check_align_rows(self.align_rows, self.tail)

    @property
    def front_end(self) -> FrontEnd:
        """The spectrogram of the chosen network."""
        return FRONT_ENDS[self.model_name]

    @property
    def window(self) -> tuple[int, int]:
        """Samples in a window, and samples from the start of one window to the start of the next."""
        rate_hz = self.front_end.rate_hz
        return round(self.window_s * rate_hz), round((self.hop_s or self.window_s) * rate_hz)

    @property
    def audio_rules(self) -> AudioRules:
        """As librosa reads files, on the chosen clock."""
        return replace(LIBROSA, clock=cast(AudioClock, self.sound_clock))
