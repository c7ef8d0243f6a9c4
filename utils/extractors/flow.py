"""Flow between neighbouring frames as the feature, for any `FlowNetwork`."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from utils.errors import UserError
from utils.extractors.base import Batch, NoWindows, VideoExtractor, VideoStreamInfo
from utils.extractors.flow_config import FlowConfig
from utils.extractors.windows import Dense, Sampling
from utils.nn.cpu.threads import row_by_row
from utils.nn.flow import Encoded, FlowNetwork
from utils.nn.graphs import CudaGraphs, Tensors
from utils.nn.prepare import ComputeMode, prepare_flow
from utils.transforms.geometry import longer_side, shorter_side
from utils.transforms.pillow import resize_pillow

GPU_MULTIPLE = 16  # of frames and pairs in a batch, so that cuDNN searches its algorithms for few shapes


class FlowExtractor(VideoExtractor[FlowConfig]):
    """Flow [frames - 1, 2, H, W] under one key, with a time for each frame. Too large for memory, so kept on disk."""

    key: ClassVar[str]  # of the output and of the checkpoint
    streamed = FlowConfig.streamed
    frame_times = True
    fills_batches = False

    @abstractmethod
    def load_network(self, path: Path | None) -> FlowNetwork:
        """Return the network on the CPU, from its checkpoint or with random weights. path: None also if it has none.

        Raises:
            UserError: the checkpoint is not of the network's layout.
        """

    def crop_to_frame(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the flow without padding, [n, 2, H, W], of networks that pad their frames. size: (H, W)."""
        return flow

    def load(self) -> None:
        """Load the network onto the device.

        Raises:
            UserError: for --compile on a CPU, where it does not make flow networks faster.
        """
        if self.compute.compile and self.device.type == "cpu":
            raise UserError(
                f"--compile: {self.key} is not faster compiled on a CPU (docs/performance.md); leave it out"
            )
        self.row_dtype = {"float16": torch.float16, "float32": torch.float32}[self.config.flow_dtype]
        network = self.load_network(self.checkpoints.get(self.key))
        prepare_flow(cast(nn.Module, network), self.device, self.compute)  # a Protocol cannot say that it is one
        self.pairs = FlowPairs(network, self.device, self.compute, self._kept)

    def _kept(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        return self.crop_to_frame(flow, size).to(self.row_dtype)

    @property
    def keys(self) -> Sequence[str]:
        """The feature type."""
        return (self.key,)

    @property
    def batch_size(self) -> int:
        """Pairs that are copied from the device at once; the network has its own batches."""
        return 1 if self.device.type == "cpu" else 8

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return all pairs of neighbours."""
        return Dense(2, 1)

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video with fewer than two frames."""
        found = "1 frame" if n_frames == 1 else "no frame"
        hint = "raise --extraction_fps, or leave the file out" if self.config.extraction_fps else "leave the file out"
        return NoWindows("failed", f"{found}, and flow needs two; {hint}")

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames resized to --side_size or by --resize as Pillow does, uint8 [n, h, w, 3]."""
        height, width = frames.shape[1:3]
        if (given := self.config.given_resize) is not None:
            return resize_pillow(frames, given.of(height, width, 1, shorter_side))
        if self.config.side_size is None:
            return frames
        resized = longer_side if self.config.resize_to_larger_edge else shorter_side
        return resize_pillow(frames, resized(height, width, self.config.side_size))

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the flow of the pair, [2, h, w]."""
        assert pairs is not None  # since `load` sets a pair stage
        return {"flow": pairs[0]}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the flow [B, 2, h, w], which `pairs` has computed."""
        return {self.key: batch["flow"]}


class FlowPairs:
    """A flow network on a device as a `PairStage`, on an NVIDIA GPU as CUDA graphs.

    keep: turns flow float32 [n, 2, H', W'] in pixels, and the frames' size (H, W), into the rows that windows hold.
    """

    def __init__(
        self,
        network: FlowNetwork,
        device: torch.device,
        compute: ComputeMode,
        keep: Callable[[Tensor, tuple[int, int]], Tensor],
    ) -> None:
        self._network = row_by_row(network, device)
        self._keep = keep
        self._graphs = CudaGraphs(network.fixed_work and not compute.compile)
        self.multiple = GPU_MULTIPLE if network.fixed_work and device.type != "cpu" else 1

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs of frames of this (H, W) fit a batch."""
        return self._network.pairs_at_once(size)

    def encode(self, frames: Tensor) -> Encoded:
        """Return what the network needs of each frame. frames: uint8 [n, H, W, 3]."""

        def encode(inputs: Tensors) -> Tensors:
            encoded = self._network.encode(inputs["frames"].permute(0, 3, 1, 2).float())
            return {str(i): part for i, part in enumerate(encoded)}

        return tuple(self._graphs.run("encode", encode, {"frames": frames}).values())

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return what `keep` makes of the flow from each frame to its partner, one row per pair."""
        n_parts = len(first)

        def between(inputs: Tensors) -> Tensors:
            parts = tuple(inputs.values())
            return {"kept": self._keep(self._network.between(parts[:n_parts], parts[n_parts:], size), size)}

        inputs = {str(i): part for i, part in enumerate((*first, *second))}
        return self._graphs.run(("between", size), between, inputs)["kept"]
