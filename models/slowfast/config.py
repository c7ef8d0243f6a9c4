"""The settings of SlowFast."""

import math
from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.views_config import ViewsConfig

GROUP = "slowfast"
CLIP_S = 2.0  # seconds of a clip, unless a flag says otherwise
ACAV_S = 10.0  # seconds that ACAV100M uses of each file


@dataclass(frozen=True)
class SlowFastConfig(ViewsConfig):
    """The flags of `--feature_type slowfast`."""

    preset: str = flag(
        "pytorchvideo",
        "published tool to follow. pytorchvideo: shorter side 256, centre crop, clips cut by time; acav100m: the left "
        "or top crop instead, and one clip of the first 10 s; squash: 256x256 without keeping the aspect ratio, clips "
        "of int(fps * seconds) frames, as the 2-second-clip script of yogesh-iitj/video_features",
        group=GROUP,
        choices=("pytorchvideo", "acav100m", "squash"),
    )
    depth: str = flag("50", "layers of the network", group=GROUP, choices=("50", "101"), added_later=True)
    clip_len: float | None = flag(
        None,
        "seconds of a clip, of which the network sees 32 frames (default: 2; acav100m: one clip)",
        group=GROUP,
        above=0,
        below=math.inf,
        note="seconds (see also --whole_video)",
        metavar="SECONDS",
    )
    stack_size: int | None = shared_flags.stack_size(GROUP, None, "frames of a clip, instead of --clip_len")
    window_s: float | None = shared_flags.stack_s(GROUP)
    step_size: int | None = shared_flags.step_size(GROUP, None, " (default: back to back)", added_later=True)
    step_s: float | None = shared_flags.step_s(GROUP)
    whole_video: bool = flag(False, "one clip per video: 32 frames spread over all of it", group=GROUP)
    num_clips: int = shared_flags.num_clips(GROUP, -1)
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(GROUP)
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    decode: str = shared_flags.decode_unresized(GROUP)
    layers: bool = flag(
        False, "layer_0 to layer_4 (88, 352, 704, 1408, 2304 numbers) instead of the last layer alone", group=GROUP
    )
    average: str = flag(
        "none", "average the features over the clips of a video or not", group=GROUP, choices=("clips", "none")
    )
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-400")
    checkpoint: str | None = shared_flags.checkpoint(GROUP, "SLOWFAST_8x8_R50.pyth, or that of --depth 101")

    def __post_init__(self) -> None:
        super().__post_init__()
        lengths = {
            "--clip_len": self.clip_len,
            "--stack_size": self.stack_size,
            "--window_s": self.window_s,
            "--whole_video": self.whole_video,
        }
        given = [name for name, value in lengths.items() if value is not None and value is not False]
        if len(given) > 1:
            raise UserError(f"{' and '.join(given)} exclude each other: both say how long a clip is")
        shared_flags.check_seconds(self)
        if (self.step_size or self.step_s) and (self.num_clips != -1 or not (self.stack_size or self.window_s)):
            raise UserError("--step_size and --step_s are for --stack_size or --window_s, without --num_clips")
        if self.tail != "drop" and self.num_clips != -1:
            raise UserError(f"--tail {self.tail} is for clips back to back: drop it, or --num_clips")
        if self.one_clip and (self.num_clips != -1 or self.tail != "drop"):
            what = "--whole_video" if self.whole_video else "--preset acav100m without --clip_len or --stack_size"
            raise UserError(f"{what} makes one clip per video: drop --num_clips and --tail")

    @property
    def one_clip(self) -> bool:
        """Whether each video is one clip, however long it is."""
        if self.whole_video:
            return True
        return self.preset == "acav100m" and self.clip_len is None and not self.has_frames

    @property
    def has_frames(self) -> bool:
        """Whether a clip is a number of frames, by --stack_size or --window_s."""
        return self.stack_size is not None or self.window_s is not None

    @property
    def seconds(self) -> float:
        """Seconds of a clip, if they are given in seconds."""
        return self.clip_len or self.window_s or CLIP_S
