"""The settings of I3D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.views_config import ViewsConfig
from utils.extractors.window_frames import MANY, in_frames, in_words

GROUP = "i3d"
MIN_SIDE = 256  # pixels of the shorter side after the resize
FEWEST_FRAMES = 10  # with 9, one time step is left after the last max pool, and the average pool needs two
FRAMES_TAKEN = range(FEWEST_FRAMES, MANY)
CROP_SIDE = 224  # pixels: the network's input


@dataclass(frozen=True)
class I3DConfig(ViewsConfig):
    """The flags of `--feature_type i3d`, with the defaults of the published features."""

    streams: list[str] = flag(["rgb", "flow"], "streams to extract", group=GROUP, choices=("rgb", "flow"))
    flow_type: str = flag(
        "pwc",
        "optical flow: by a network, or tvl1, which has no weights and is slow",
        group=GROUP,
        choices=("pwc", "raft", "tvl1"),
    )
    stack_size: int = shared_flags.stack_size(
        GROUP,
        64,
        f"frames in a window; at least {FEWEST_FRAMES}",
        at_least=FEWEST_FRAMES,
        note="frames, since with fewer the last pool of I3D has nothing to average",
    )
    step_size: int = shared_flags.step_size(GROUP, 64)
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    decode: str = shared_flags.decode(GROUP)
    min_side_size: int = flag(
        MIN_SIDE,
        f"pixels of the frame's shorter side before the {CROP_SIDE}-pixel crop",
        group=GROUP,
        at_least=CROP_SIDE,
        note="pixels, the side of the crop",
        metavar="PIXELS",
    )
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(
        GROUP,
        more="bmt: repeated, if all frames modulo --stack_size + 1 are at least 20% of that, as for BMT",
    )
    window_s: float | None = shared_flags.stack_s(GROUP)
    step_s: float | None = shared_flags.step_s(GROUP)
    frames_per_window: int | None = shared_flags.frames_per_window(GROUP)
    frame_choice: str = shared_flags.frame_choice(GROUP)
    align_rows: str = shared_flags.align_frames(GROUP)
    show_pred: bool = shared_flags.show_pred(GROUP, "Kinetics-400", "window and stream", ("show_kinetics_pred",))
    i3d_bn_eps: float = flag(
        1e-5,
        "batch norm epsilon: 1e-5 as in video_features, 1e-3 as in the training",
        group=GROUP,
        above=0,
        below=1,
        metavar="X",
    )
    i3d_padding: str = flag(
        "video_features",
        "zero padding; the two differ where a length is not divisible by the stride",
        group=GROUP,
        choices=("video_features", "tensorflow"),
    )
    i3d_input: str = flag(
        "video_features",
        "flow and frames for the network. video_features: flow of resized frames, in 256 levels; mstcn: flow of frames "
        "at their own size; both resized by OpenCV's bilinear filter after that, flow not rounded",
        group=GROUP,
        choices=("video_features", "mstcn"),
        added_later=True,
    )
    i3d_rgb_path: str | None = flag(None, "file used as i3d_rgb.pt", group=GROUP, shapes_output=False, metavar="FILE")
    i3d_flow_path: str | None = flag(None, "file used as i3d_flow.pt", group=GROUP, shapes_output=False, metavar="FILE")
    pwc_path: str | None = flag(
        None, "file used as pwc_net_sintel.pt", group=GROUP, shapes_output=False, metavar="FILE"
    )
    raft_path: str | None = flag(None, "file used as raft-sintel.pth", group=GROUP, shapes_output=False, metavar="FILE")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.streams:
            raise UserError("--streams is empty: choose rgb, flow or both")
        if len(set(self.streams)) < len(self.streams):
            raise UserError(f"--streams names a stream twice: {' '.join(self.streams)}")
        if self.resize is not None and self.min_side_size != MIN_SIDE:
            raise UserError("--resize and --min_side_size exclude each other: drop one of them")
        if self.i3d_input == "mstcn":
            self._check_own_resize()
        shared_flags.check_align_rows(self.align_rows, self.tail)
        shared_flags.check_seconds(self)
        most = self.stack_size if self.window_s is None else MANY
        if self.frames_per_window is not None and not FEWEST_FRAMES <= self.frames_per_window <= most:
            raise UserError(
                f"--frames_per_window is {self.frames_per_window}; the network takes {in_words(FRAMES_TAKEN)}, and of "
                "a window at most as many as it has"
            )

    def _check_own_resize(self) -> None:
        """Raise UserError for a flag that --i3d_input mstcn would ignore."""
        given = {
            "--resize": self.resize is not None,
            "--crop_type": self.sees_crops,
            "--min_side_size": self.min_side_size != MIN_SIDE,
            "--decode fast": self.decode == "fast",
        }
        if ignored := [name for name, is_given in given.items() if is_given]:
            raise UserError(
                f"--i3d_input mstcn resizes frames to a shorter side of {MIN_SIDE} pixels by OpenCV's filter and takes "
                f"their middle: drop {', '.join(ignored)}"
            )

    def windows(self, fps: float) -> tuple[int, int]:
        """Return frames in a window and from window to window, of a video with this frame rate."""
        return in_frames(self, fps, self.stack_size, self.step_size)
