"""What of a file's sound is heard, and when: where tools differ."""

from dataclasses import dataclass
from typing import Literal

AudioClock = Literal["file", "samples"]


@dataclass(frozen=True)
class AudioRules:
    """The choices. The defaults are those of the VGGish reference, on the file's clock.

    clock: "file": the file has one clock for picture and sound, so sound that starts later than the picture starts at
        its time, and gaps are silence. "samples": sample 0 is at 0 s whatever the container says, and the samples
        follow each other without gaps, as in the WAV file that the ffmpeg command writes.
    priming: what becomes of the samples that AAC's encoder puts before the sound, which an MP4's edit list hides.
        "kept": they are sound. "hidden": they are dropped, as the edit list says. "unread": their packet is not even
        decoded, as by a tool that seeks to 0 s, so the first frame of sound lacks what overlaps with it.
    rounds: samples have 16 bits.
    first_s: only the frames of the codec that start up to so many seconds after the segment does, whole; None for all.
    """

    clock: AudioClock = "file"
    priming: Literal["kept", "hidden", "unread"] = "kept"
    rounds: bool = True
    first_s: float | None = None


REFERENCE = AudioRules()
LIBROSA = AudioRules(priming="hidden", rounds=False)  # floats, without the encoder's priming
ACAV100M = AudioRules(clock="samples", priming="unread", rounds=False, first_s=10.0)  # sangho-vision/acav100m
