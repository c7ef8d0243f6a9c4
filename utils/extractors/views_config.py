"""The settings of how frames are resized, and of which parts of them a network sees. Imports no torch."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from utils.config.schema import Config, flag
from utils.errors import UserError, VideoError

GROUP = "views"
MOST_PIXELS = 8192  # of a side that --resize asks for
CROP_TYPES = ("center", "3-crop", "5-crop", "10-crop")
CROP_BOXES = ("torchvision", "mmaction2", "anomaly", "center_first")


class Resize(NamedTuple):
    """How frames are resized: to a shorter side, or else to a size (h, w) whatever their shape, or else not at all.

    decoded_side: the frames come with this shorter side, see `ScaledRgbConverter`.
    by_opencv: OpenCV resizes them, and the type's own code finds them of that size.
    """

    side: int | None = None
    size: tuple[int, int] | None = None
    decoded_side: int | None = None
    by_opencv: bool = False

    def of(
        self, height: int, width: int, least: int, shorter: Callable[[int, int, int], tuple[int, int]]
    ) -> tuple[int, int]:
        """Return (h, w) of a resized frame.

        least: pixels that both sides must have, those of the network's input.
        shorter: returns the size with a shorter side of so many pixels, rounded as a published tool does it.

        Raises:
            VideoError: the frame is smaller than that, and not resized.
        """
        if self.side is not None:
            return shorter(height, width, self.side)
        if self.size is None and min(height, width) < least:
            raise VideoError(too_small(height, width, least))
        return self.size or (height, width)


def too_small(height: int, width: int, least: int) -> str:
    """Return what is wrong with a frame that the network's input does not fit into."""
    side = least + (min(height, width) == least - 1)  # a resize that rounds down may have lost that pixel
    return (
        f"frames of {width}x{height} pixels are smaller than the {least}x{least} that the network sees; enlarge them, "
        f"such as by --resize short:{side}"
    )


@dataclass(frozen=True, kw_only=True)
class ResizeConfig(Config):
    """The flag of every type that sees frames."""

    resize: str | None = flag(
        None,
        "how frames are resized, instead of the type's own way, by the same resizing code. short:N: to a shorter side "
        "of N pixels, keeping the aspect ratio; squash:WxH: to exactly that size; none: not at all; opencv:WxH: "
        "as squash, by OpenCV's bilinear filter; ffmpeg:N: to a shorter side of N pixels by ffmpeg's scale filter, "
        "before frames become RGB",
        group=GROUP,
        metavar="short:N|squash:WxH|none|opencv:WxH|ffmpeg:N",
        added_later=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frame_side is not None and (decode := getattr(self, "decode", "exact")) != "exact":
            raise UserError(f"--decode {decode}: only --decode exact scales frames as ffmpeg does; drop one of them")

    @property
    def given_resize(self) -> Resize | None:
        """--resize, None if it was not given."""
        if self.resize is None or self.resize == "none":
            return None if self.resize is None else Resize()
        match = re.fullmatch(r"(?:short|ffmpeg):(\d{1,5})|(?:squash|opencv):(\d{1,5})x(\d{1,5})", self.resize)
        side, width, height = (int(number or 0) for number in match.groups()) if match else (0, 0, 0)
        if not 0 < max(side, width) <= MOST_PIXELS or not 0 < max(side, height) <= MOST_PIXELS:
            raise UserError(
                f"--resize is {self.resize}; it must be short:256 (pixels of the shorter side), squash:340x256 or "
                "opencv:340x256 (width and height), none, or ffmpeg:224 (of the shorter side), with sides of 1 to "
                f"{MOST_PIXELS} pixels"
            )
        if self.resize.startswith("ffmpeg"):
            return Resize(decoded_side=side)
        return Resize(side) if side else Resize(size=(height, width), by_opencv=self.resize.startswith("opencv"))

    @property
    def frame_side(self) -> int | None:
        """Pixels of the shorter side that frames are scaled to while they are decoded; None for their own size."""
        return self.given_resize.decoded_side if self.given_resize else None


@dataclass(frozen=True, kw_only=True)
class ViewsConfig(ResizeConfig):
    """The flags of every type whose network sees a part of each frame."""

    crop_type: str | None = flag(
        None,
        "parts of the resized frame to see, each as large as the network's input, instead of the type's own crop; a "
        "row becomes [crops, D]; 10-crop adds mirror images to 5-crop",
        group=GROUP,
        choices=CROP_TYPES,
        added_later=True,
    )
    crop_boxes: str | None = flag(
        None,
        "positions and order of the crops. torchvision: corners, centre, then all of the mirrored frame; mmaction2: "
        "each followed by its mirror image; anomaly: as torchvision, but the centre third, as for RTFM; center_first: "
        "the centre first, then the same five mirrored, as for XD-Violence and VadCLIP (default: the preset's, else "
        "torchvision)",
        group=GROUP,
        choices=CROP_BOXES,
        added_later=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crop_boxes is not None and not self.sees_crops:
            raise UserError("--crop_boxes says where the crops of --crop_type are: add that, or drop it")

    @property
    def sees_crops(self) -> bool:
        """Whether rows are [crops, D]."""
        return self.crop_type is not None


def checked_resize(config: ResizeConfig, least: tuple[int, int]) -> Resize | None:
    """Return --resize, None if it was not given. least: (h, w) of the network's input.

    Raises:
        UserError: resized frames would be smaller than that.
    """
    resize = config.given_resize
    if resize is None or not any(resize):
        return resize
    side = resize.side or resize.decoded_side or 0
    height, width = resize.size or (side, side)
    if height < least[0] or width < least[1]:
        raise UserError(
            f"--resize {config.resize}: frames become smaller than the {least[1]}x{least[0]} that the network sees; "
            "choose a larger size"
        )
    return resize
