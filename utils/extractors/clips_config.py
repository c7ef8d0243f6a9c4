"""The settings of models that see clips of a video in several views. Imports no torch."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.views_config import CROP_TYPES, ViewsConfig, checked_resize

GROUP = "clips"
OF_PRESET = " (default: the preset's)"


@dataclass(frozen=True)
class Preset:
    """What a published tool does with a video, and its defaults for the flags of the same names.

    placement: a key of `placement.PLACEMENTS`. resize: "opencv" (8 bits, no antialias, longer side rounded),
    "antialias" (torchvision's, longer side rounded down) or "lanczos" (Pillow's, to 256 x 340 for a side_size of 256).
    crops: a key of `transforms.crops.CROPS`. side_size, crop_size: in pixels.
    """

    placement: str
    resize: str
    crops: str
    num_clips: int
    crop_type: str
    average: str
    side_size: int = 256
    crop_size: int = 256

    def summary(self) -> str:
        """Return the defaults in words, for --help."""
        clips = {-1: "all clips", 1: "1 clip"}.get(self.num_clips, f"{self.num_clips} clips")
        averaged = "not averaged" if self.average == "none" else f"averaged over {self.average}"
        return f"{clips}, {self.crop_type} {self.crop_size} of {self.side_size}, {averaged}"


def mmaction2_presets(num_clips: int, crop_type: str, side_size: int = 256) -> dict[str, Preset]:
    """Return the test pipeline of an mmaction2 config, with each of mmaction2's two rules for placing clips.

    All views are averaged, as its tool clip_feature_extraction does.
    """
    return {
        version: Preset(version, "opencv", "mmaction2", num_clips, crop_type, "both", side_size, side_size)
        for version in ("mmaction2_0x", "mmaction2_1x")
    }


# https://github.com/hongjiaherng/inappropriate-video-detection, folder feature-extractor, commit 4241b5a
SNIPPETS = Preset("back_to_back", "antialias", "torchvision", -1, "5-crop", "none", crop_size=224)


def preset(presets: Mapping[str, Preset], default: str | None, ends: str = "") -> Any:
    """Return --preset, the published tool to follow. ends: of the help text."""
    listed = "; ".join(f"{name}: {each.summary()}" for name, each in presets.items())
    return flag(
        default,
        "published tool whose clip placement, resize, crop positions and defaults are used, unless another flag says "
        f"otherwise ({listed}){ends}",
        group=GROUP,
        choices=presets,
    )


@dataclass(frozen=True)
class VideoClipsConfig(ViewsConfig):
    """The flags that they share. A model adds `preset`, `stack_size`, `frame_interval` and `checkpoint`."""

    PRESETS: ClassVar[Mapping[str, Preset]] = {"snippets": SNIPPETS}

    preset: str = preset(PRESETS, "snippets")
    num_clips: int | None = shared_flags.num_clips(GROUP, None, "placed as the preset says", OF_PRESET)
    stack_size: int = shared_flags.stack_size(GROUP, 32, "frames in a clip")
    frame_interval: int = shared_flags.frame_interval(GROUP, 2)
    clip_len: float | None = flag(
        None,
        "seconds that a clip spans, instead of --frame_interval",
        group=GROUP,
        above=0,
        below=math.inf,
        note="seconds",
        metavar="SECONDS",
    )
    side_size: int | None = flag(
        None,
        f"pixels of the frame's shorter side, from which crops are taken{OF_PRESET}",
        group=GROUP,
        metavar="PIXELS",
    )
    crop_size: int | None = flag(
        None,
        f"pixels of a crop's side{OF_PRESET}",
        group=GROUP,
        at_least=32,
        note="pixels, since the network halves the frame five times",
        metavar="PIXELS",
    )
    crop_type: str | None = flag(
        None,
        f"parts of the frame to see; 10-crop adds mirror images to 5-crop{OF_PRESET}",
        group=GROUP,
        choices=CROP_TYPES,
    )
    average: str | None = flag(
        None,
        f"average the features over clips, crops, both, or not{OF_PRESET}",
        group=GROUP,
        choices=("clips", "crops", "both", "none"),
    )
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    decode: str = shared_flags.decode_unresized(GROUP)
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-400")

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen, given = self.chosen, self.given_resize
        if given is not None and self.side_size is not None:
            raise UserError(
                "--resize and --side_size exclude each other: --resize short:N is a shorter side of N pixels"
            )
        if given is None and chosen.crop_size > chosen.side_size:
            raise UserError(
                f"a crop of {chosen.crop_size} pixels does not fit a side of {chosen.side_size}: lower --crop_size "
                "or raise --side_size"
            )
        checked_resize(self, (chosen.crop_size, chosen.crop_size))

    @property
    def averages(self) -> bool:
        """Whether a mean over a video's clips is saved, in place of a row per clip."""
        return self.chosen.average in ("clips", "both")

    @property
    def sees_crops(self) -> bool:
        """True: a preset has a crop type."""
        return True

    def interval(self, fps: float) -> int:
        """Return the distance between two frames of a clip, in frames of a video with this frame rate."""
        if self.clip_len is None:
            return self.frame_interval
        return max(1, round(self.clip_len * fps / self.stack_size))

    @property
    def chosen(self) -> Preset:
        """Return the preset, changed by the flags that were given."""
        flags = ("num_clips", "side_size", "crop_size", "crop_type", "average")
        given = {name: getattr(self, name) for name in flags if getattr(self, name) is not None}
        given |= {"crops": self.crop_boxes} if self.crop_boxes else {}
        return dataclasses.replace(self.PRESETS[self.preset], **given)
