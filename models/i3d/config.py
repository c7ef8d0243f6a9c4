"""The settings of I3D."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import check_choices, flag
from utils.config.shared_flags import check_fps
from utils.errors import UserError

GROUP = "i3d"
FEWEST_FRAMES = 10  # with fewer, the network's last average pool has no two time steps to average
FRAME_CROP = 224  # pixels: the network's input


@dataclass(frozen=True)
class I3DConfig:
    """What `--feature_type i3d` lets the user choose; defaults are those of the published features."""

    streams: list[str] = flag(["rgb", "flow"], "which streams to extract", group=GROUP, choices=("rgb", "flow"))
    flow_type: str = flag("pwc", "network for optical flow", group=GROUP, choices=("pwc", "raft"))
    stack_size: int = flag(64, "frames in a window; at least 10", group=GROUP)
    step_size: int = shared_flags.step_size(GROUP, 64)
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    decode: str = shared_flags.decode(GROUP)
    min_side_size: int = flag(256, "pixels of the frame's shorter side before the 224-pixel crop", group=GROUP)
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(GROUP)
    show_pred: bool = flag(
        False,
        "print the top 5 Kinetics-400 classes of each window and stream",
        group=GROUP,
        aliases=("show_kinetics_pred",),
        shapes_output=False,
    )
    i3d_bn_eps: float = flag(
        1e-5, "batch norm epsilon: 1e-5 as video_features, 1e-3 as TensorFlow trained it", group=GROUP
    )
    i3d_padding: str = flag(
        "video_features",
        "zero padding; they differ where a length is not divisible by the stride",
        group=GROUP,
        choices=("video_features", "tensorflow"),
    )
    i3d_rgb_path: str | None = flag(None, "file used as i3d_rgb.pt", group=GROUP, shapes_output=False)
    i3d_flow_path: str | None = flag(None, "file used as i3d_flow.pt", group=GROUP, shapes_output=False)
    pwc_path: str | None = flag(None, "file used as pwc_net_sintel.pt", group=GROUP, shapes_output=False)
    raft_path: str | None = flag(None, "file used as raft-sintel.pth", group=GROUP, shapes_output=False)

    def __post_init__(self) -> None:
        check_choices(self)
        if not self.streams:
            raise UserError("--streams is empty: choose rgb, flow or both")
        if len(set(self.streams)) < len(self.streams):
            raise UserError(f"--streams names a stream twice: {' '.join(self.streams)}")
        if self.stack_size < FEWEST_FRAMES:
            raise UserError(
                f"--stack_size is {self.stack_size}; I3D needs at least {FEWEST_FRAMES} frames, since fewer leave "
                "its last pool nothing to average"
            )
        if self.step_size < 1:
            raise UserError(f"--step_size is {self.step_size}; it must be at least 1 frame")
        check_fps(self.extraction_fps)
        if self.min_side_size < FRAME_CROP:
            raise UserError(f"--min_side_size is {self.min_side_size}; the crop needs at least {FRAME_CROP} pixels")
        if not 0 < self.i3d_bn_eps < 1:
            raise UserError(f"--i3d_bn_eps is {self.i3d_bn_eps}; published versions use 1e-5 or 1e-3")
