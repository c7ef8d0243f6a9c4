"""The settings of SlowFast."""

import math
from dataclasses import dataclass
from fractions import Fraction

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.views_config import ViewsConfig

GROUP = "slowfast"
CLIP_S = 2.0  # seconds of a clip, unless a flag says otherwise
ACAV_S = 10.0  # seconds that ACAV100M uses of each file
HERO_FPS, HERO_SIDE = 30.0, 224  # frames per second, pixels of the shorter side, unless flags say otherwise


@dataclass(frozen=True)
class SlowFastConfig(ViewsConfig):
    """The flags of `--feature_type slowfast`."""

    preset: str = flag(
        "pytorchvideo",
        "published tool to follow. pytorchvideo: shorter side 256, centre crop, clips cut by time; acav100m: the left "
        "or top crop instead, and one clip of the first 10 s; squash: 256x256 without keeping the aspect ratio, clips "
        "of int(fps * seconds) frames, as the 2-second-clip script of yogesh-iitj/video_features; hero: frames, clips "
        "and weights of HERO_Video_Feature_Extractor, as for QVHighlights: at 30 frames per second, scaled by ffmpeg",
        group=GROUP,
        choices=("pytorchvideo", "acav100m", "squash", "hero"),
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
        if self.preset == "hero":
            self._check_hero()
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

    def _check_hero(self) -> None:
        """Raise UserError for what the tool that --preset hero follows does not do."""
        if self.frame_side is None:
            raise UserError(f"--preset hero: frames are scaled by ffmpeg; --resize {self.resize} must be ffmpeg:N")
        if self.has_frames or self.whole_video or self.num_clips != -1 or self.tail != "drop":
            raise UserError(
                "--preset hero cuts all of a video into clips of --clip_len seconds and fills up the last one: drop "
                "--stack_size, --window_s, --whole_video, --num_clips and --tail"
            )
        second, length = self.hero_lengths
        if second.denominator > 1 or length.denominator > 1 or not length:
            raise UserError(
                "--preset hero: a second and a clip must have whole numbers of frames; change --extraction_fps or "
                "--clip_len"
            )

    @property
    def averages(self) -> bool:
        """Whether a mean over a video's clips is saved, in place of a row per clip."""
        return self.average == "clips"

    @property
    def frame_side(self) -> int | None:
        """Pixels of the shorter side that frames are scaled to while they are decoded; None for their own size."""
        return HERO_SIDE if self.preset == "hero" and self.resize is None else super().frame_side

    @property
    def frame_rate(self) -> float | None:
        """Frames per second to sample a video at: --extraction_fps or the preset's; None for its own."""
        return HERO_FPS if self.preset == "hero" and self.extraction_fps is None else self.extraction_fps

    @property
    def hero_lengths(self) -> tuple[Fraction, Fraction]:
        """Frames in a second and in a clip of --preset hero."""
        second = Fraction(self.frame_rate or HERO_FPS)
        return second, second * Fraction(self.seconds).limit_denominator(1000)

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
