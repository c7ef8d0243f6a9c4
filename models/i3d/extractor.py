"""I3D for the pipeline: windows of stack_size + 1 frames, RGB and flow, as in video_features."""

from collections.abc import Sequence
from functools import partial
from typing import cast

from torch import Tensor, nn

from models.i3d.config import CROP_SIDE, FRAMES_TAKEN, I3DConfig
from models.i3d.network import Padding
from models.i3d.preprocess import (
    crop_frames,
    crop_whole_flow,
    crop_whole_frames,
    flow_input,
    quantize_flow,
    resized_size,
    rgb_input,
    whole_flow_input,
)
from models.i3d.weights import Stream, load_i3d, random_i3d
from utils.extractors.base import Batch, NoWindows, VideoExtractor, VideoStreamInfo, short_of_a_window
from utils.extractors.flow import FlowPairs
from utils.extractors.stacks import seen, short_of_a_hop
from utils.extractors.views import views_of
from utils.extractors.views_config import Resize, checked_resize
from utils.extractors.window_frames import check_seen
from utils.extractors.windows import Sampling, sliding
from utils.nn.flow import FlowNetwork
from utils.nn.prepare import prepare_flow
from utils.transforms.fast import RESIZE_BY_DECODE
from utils.transforms.geometry import Region, center_crop_box


class I3DExtractor(VideoExtractor[I3DConfig]):
    """RGB and flow features, each [windows, 1024].

    A window is stack_size + 1 consecutive frames. The RGB network sees the first stack_size of them, the flow network
    the stack_size flows between neighbours.
    """

    label_set = "kinetics400"

    def load(self) -> None:
        """Load the networks of the chosen streams."""
        size = (CROP_SIDE, CROP_SIDE)
        self.resize = checked_resize(self.config, size) or Resize(side=self.config.min_side_size)
        self.views = views_of(self.config, size, self.resize.size)
        bn_eps, padding = self.config.i3d_bn_eps, cast(Padding, self.config.i3d_padding)  # by their choices
        self._networks: dict[str, nn.Module] = {}
        for stream in cast(list[Stream], self.config.streams):
            path = self.checkpoints[f"i3d_{stream}"]
            network = load_i3d(path, stream, bn_eps, padding) if path else random_i3d(stream, bn_eps, padding)
            self._networks[stream] = self.prepare_network(network, float32_parts=("conv3d_0c_1x1",))
        if "flow" in self.config.streams:
            network = self._flow_network()
            self.pairs = FlowPairs(network, self.device, self.compute, self._cropped_flow)

    @property
    def _takes_whole_frames(self) -> bool:
        return self.config.i3d_input == "mstcn"

    def _cropped_flow(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        if self._takes_whole_frames:
            return crop_whole_flow(flow, size)
        return quantize_flow(flow, whole=size if self.views else None)

    def _flow_network(self) -> FlowNetwork:
        if self.config.flow_type == "tvl1":
            from models.tvl1.network import TVL1

            return TVL1().to(self.device)
        path = self.checkpoints[self.config.flow_type]
        if self.config.flow_type == "raft":
            from models.raft.weights import load_raft, random_raft

            return prepare_flow(load_raft(path) if path else random_raft(), self.device, self.compute)
        from models.pwc.weights import load_pwc, random_pwc

        return prepare_flow(load_pwc(path) if path else random_pwc(), self.device, self.compute)

    @property
    def keys(self) -> Sequence[str]:
        """The chosen streams, RGB first."""
        return sorted(self.config.streams, reverse=True)

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return windows of stack_size + 1 frames, step_size apart.

        Raises:
            VideoError: those of --window_s have too few frames for the network.
        """
        config = self.config
        size, step = config.windows(info.fps)
        check_seen(size, config.frames_per_window or size, FRAMES_TAKEN)
        return sliding(size, step, config.align_rows, config.short_video, config.tail, more=1)

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video shorter than one window, by --short_video; or than a hop of --align_rows."""
        size, step = self.config.windows(info.fps)
        if self.config.align_rows != "start":
            return short_of_a_hop(n_frames, step)
        return short_of_a_window(n_frames, size + 1, self.config.short_video)

    def prepare(self, frames: Tensor) -> Tensor:
        """Return resized frames, uint8 [n, h, w, 3]; without flow and views, their 224 crops.

        With --i3d_input mstcn they stay as they are, since flow is computed of these.
        """
        if self._takes_whole_frames:
            return frames
        size = self.resize.of(frames.shape[1], frames.shape[2], CROP_SIDE, resized_size)
        is_whole = "flow" in self.config.streams or self.views
        part = None if is_whole else Region(*center_crop_box(*size, CROP_SIDE), CROP_SIDE, CROP_SIDE)
        return RESIZE_BY_DECODE[self.config.decode](frames, size, "bilinear", part).contiguous()

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the crops: "rgb" uint8 [T, 224, 224, 3] and "flow" float16 or float32 [T, 2, 224, 224].

        T is stack_size, or frames_per_window: of frames, and of the flow from each to the next.
        """
        inputs = {}
        if "rgb" in self.config.streams:
            crop = crop_whole_frames if self._takes_whole_frames else crop_frames
            inputs["rgb"] = crop(self._seen(frames[:-1]))
        if pairs is not None:
            inputs["flow"] = self._seen(pairs)
        return inputs

    def _seen(self, frames: Tensor) -> Tensor:
        return seen(frames, self.config.frames_per_window or len(frames), self.config.frame_choice)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, 1024] per stream, and with --show_pred their logits [B, 400]."""
        rgb = partial(rgb_input, dtype=self.compute.dtype)
        to_input = {"rgb": rgb, "flow": whole_flow_input if self._takes_whole_frames else flow_input}
        outputs = {}
        for stream, crops in batch.items():
            outputs[stream], logits = self._networks[stream](to_input[stream](crops))
            if self.config.show_pred:
                outputs[f"logits/{stream}"] = logits
        return outputs
