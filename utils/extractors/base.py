"""The contract between a model and the pipeline: all that is asked of a new feature type."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from utils.config.schema import Config
from utils.config.shared_flags import shows_predictions
from utils.extractors.labels import Classes, class_names
from utils.extractors.pairs import PairStage
from utils.extractors.text import ZeroShot
from utils.extractors.views import Views
from utils.extractors.views_config import Resize
from utils.extractors.windows import Dense, Sampling
from utils.media.audio_rules import REFERENCE, AudioRules
from utils.media.layout import Yuv
from utils.media.planes import upright_rgb
from utils.media.view import View
from utils.nn.execute import batch_function
from utils.nn.graphs import CudaGraphs, Tensors
from utils.nn.prepare import ComputeMode, check_supported, prepare_network
from utils.nn.skip_init import SkipInit
from utils.nn.unchanged import unchanged

Checkpoints = Mapping[str, Path | None]  # name in the model's needs() -> file; None asks for random weights
FLOAT32 = ComputeMode()
GPU_WINDOWS = 8  # of dozens of frames each, in a batch
Batch = dict[str, Tensor]  # network inputs by name, one row per window, on the device


@dataclass(frozen=True)
class VideoStreamInfo:
    """What is known of a video's frames before they are decoded.

    fps: frames per second, after --extraction_fps.
    height, width: of the frames that the extractor is given, in pixels.
    times_s: when each frame is shown, in seconds, float64 [frames]; None unless the extractor `needs_times`.
    source_fps: the video's own rate; None where its header has one that no video has.
    """

    fps: float
    height: int
    width: int
    times_s: np.ndarray | None = None
    source_fps: float | None = None

    @property
    def period_s(self) -> float:
        """Seconds from one frame to the next, by the rate."""
        return 1 / self.fps

    @property
    def known_times_s(self) -> np.ndarray:
        """`times_s`, for an extractor that `needs_times`; ValueError for others."""
        if self.times_s is None:
            raise ValueError("the times of the frames are known only with needs_times")
        return self.times_s

    @property
    def n_frames(self) -> int:
        """The number of frames, for an extractor that `needs_times`; ValueError for others."""
        return len(self.known_times_s)


@dataclass(frozen=True)
class AudioStreamInfo:
    """What is known of sound before it is decoded: samples per second, after resampling."""

    rate_hz: int

    @property
    def period_s(self) -> float:
        """Seconds from one sample to the next."""
        return 1 / self.rate_hz


StreamInfo = VideoStreamInfo | AudioStreamInfo
ConfigT = TypeVar("ConfigT", bound=Config)
InfoT = TypeVar("InfoT", VideoStreamInfo, AudioStreamInfo)


@dataclass(frozen=True)
class NoWindows:
    """Why a stream gave no feature: status "skipped" (the user asked for it) or "failed", and the reason."""

    status: Literal["skipped", "failed"]
    reason: str


def short_of_a_window(n_frames: int, n_wanted: int, short_video: str) -> NoWindows:
    """Return what --short_video skip or error make of a video with fewer frames than the `n_wanted` of one window."""
    reason = f"{n_frames} frames, fewer than the {n_wanted} of one window"
    if short_video == "skip":
        return NoWindows("skipped", f"{reason} (--short_video skip)")
    return NoWindows("failed", f"{reason}; make windows shorter, or use --short_video cycle to repeat frames")


class Extractor(ABC, Generic[ConfigT, InfoT]):
    """One feature type on one device: a `VideoExtractor` or an `AudioExtractor`.

    It does not decode, queue, batch across videos, write or print: a worker does, and `featmill.Extractor`, which
    users construct. Constructing one changes nothing outside it.
    """

    label_set: ClassVar[str | None] = None  # of the classes in the logits, see utils/extractors/labels.py
    row_dtype: torch.dtype = torch.float32  # that features are saved in, whatever they are computed in
    rows_per_thread: ClassVar[int] = 1  # at least, on a CPU: a linear layer rounds a few rows otherwise than many
    frame_times: ClassVar[bool] = False  # save the times of all frames: for windows that are pairs of neighbours
    streamed: ClassVar[bool] = False  # rows are too large for memory: keep them on disk until the video ends
    fills_batches: ClassVar[bool] = True  # with surplus rows on a GPU: `forward` runs a network

    def __init__(
        self, config: ConfigT, checkpoints: Checkpoints, device: torch.device, compute: ComputeMode = FLOAT32
    ) -> None:
        self.config = config
        self.checkpoints = checkpoints
        self.device = device
        self.compute = compute
        check_supported(compute, device)
        self.pairs: PairStage | None = None
        self.zero_shot: ZeroShot | None = None
        self.views: Views | None = None
        with unchanged(), SkipInit():
            self.load()
        forward = self.views.forward(self.forward, device.type == "cpu") if self.views else self.forward
        self._run = batch_function(forward, device, compute, self.rows_per_thread)
        self._graphs = CudaGraphs()

    def load(self) -> None:
        """Load the networks onto the device, in evaluation mode; set `pairs` if there is work between neighbours.

        Set `views` if the network is to see several parts of each frame: `prepare` then returns whole frames, `window`
        and `forward` are called for each view.

        Raises:
            UserError: a checkpoint is not of the network's layout.
        """

    def prepare_network(self, network: nn.Module, float32_parts: tuple[str, ...] = ()) -> nn.Module:
        """Return a loaded network on the device, prepared to run as --precision and --compile say."""
        return prepare_network(network, self.device, self.compute, float32_parts)

    @property
    @abstractmethod
    def keys(self) -> Sequence[str]:
        """The names of the outputs, e.g. ("rgb", "flow"); each becomes one array with a row per window."""

    @property
    def batch_size(self) -> int:
        """How many windows fill this device well. Two large ones side by side on a CPU would take ever more memory."""
        return 1 if self.device.type == "cpu" else max(GPU_WINDOWS // self.views_at_once, 1)

    @property
    def views_at_once(self) -> int:
        """How many views of a window the network sees together: all on a GPU."""
        return 1 if self.views is None or self.device.type == "cpu" else len(self.views)

    @property
    def shows_predictions(self) -> bool:
        """Whether `forward` is to return logits too."""
        return shows_predictions(self.config)

    def classes(self) -> Classes:
        """Return what the logits are of: the labels of the user's file, or the classes that the network knows.

        They have no names where no predictions are shown.
        """
        if not self.shows_predictions:
            return Classes()
        if self.zero_shot is not None:
            return Classes(self.zero_shot.names, self.zero_shot.similarity.exclusive)
        return Classes(class_names(self.label_set) if self.label_set else None)

    @property
    def attributes(self) -> dict[str, float]:
        """Numbers of this configuration that formats with room for them save with the features, such as clip_length."""
        return {}

    @property
    def with_times(self) -> bool:
        """Whether to save <name>_fps and <name>_timestamps_ms: rows must be one per window."""
        return False

    @abstractmethod
    def sampling(self, info: InfoT) -> Sampling:
        """Return which windows to cut from a stream."""

    def pooling(self, info: InfoT) -> Dense | None:
        """Return the windows of rows whose means are saved instead of the rows, if any: each row is computed once."""
        return None

    def no_windows(self, n_frames: int, info: InfoT) -> NoWindows:
        """Return what to record for a stream of `n_frames` (or samples) that there is no window of."""
        return NoWindows("failed", f"too short: {n_frames} frames give no window")

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames as the windows keep them, one row per frame, on the same device.

        frames: uint8 RGB [n, H, W, 3], or float32 samples [n]. Runs in the decode threads on a CPU.
        """
        return frames

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the network inputs of one window, small dtypes preferred; rows are stacked into a batch.

        frames: what `prepare` made of the window's frames [T, ...]; pairs: rows of PairStage [T - 1, ...].
        """
        return {"frames": frames}

    def windows_of_frames(self, frames: Tensor) -> Batch:
        """Return what `window` returns of each frame alone, [n, ...]: for samplings in which a window is a frame."""
        windows = [self.window(frame[None], None) for frame in frames]
        return {name: torch.stack([window[name] for window in windows]) for name in windows[0]}

    @abstractmethod
    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return a row per window for each key, float32 [B, D].

        With `show_pred`, also "logits/<key>" [B, classes] for each key that has classes. A row must not depend on the
        others: on a CPU several threads call this at once, each with some of the rows.
        """

    def resize_and_prepare(self, frames: Tensor) -> Tensor:
        """Return what `prepare` makes of a chunk, which --resize opencv:WxH resizes before that."""
        resize: Resize | None = getattr(self.config, "given_resize", None)
        if resize is not None and resize.by_opencv and resize.size is not None:
            from utils.transforms.opencv import resize_opencv  # here: cv2 sets environment variables

            frames = resize_opencv(frames, resize.size)
        return self.prepare(frames)

    def prepared(self, frames: Tensor, yuv: Yuv | None = None) -> Tensor:
        """Return what `prepare` makes of a chunk on the device, as a CUDA graph; yuv: what it holds, if not RGB."""

        def prepare(chunk: Tensors) -> Tensors:
            return {"frames": self.resize_and_prepare(upright_rgb(chunk["frames"], yuv))}

        return self._graphs.run(("prepare", yuv), prepare, {"frames": frames})["frames"]

    def outputs(self, batch: Batch) -> dict[str, Tensor]:
        """Return what `forward` gives for a batch, run as utils/nn/execute.py says."""
        return self._run(batch)

    def finish(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return what is saved of a video, such as averages, of the rows of all windows [windows, ...] by key."""
        return arrays


class VideoExtractor(Extractor[ConfigT, VideoStreamInfo]):
    """An extractor that is given frames."""

    @property
    def extraction_fps(self) -> float | None:
        """Frames per second to sample a video at; None for its own."""
        return getattr(self.config, "extraction_fps", None)

    @property
    def view(self) -> View:
        """The frames that it wants, before `sampling` chooses some of them."""
        return View(self.extraction_fps, side=getattr(self.config, "frame_side", None))

    @property
    def decodes_on_gpu(self) -> bool:
        """Whether a GPU is to decode the frames."""
        return getattr(self.config, "decode", "exact") == "gpu"

    @property
    def needs_times(self) -> bool:
        """Whether `sampling` must know the frames' times, so that packets are read before any frame is decoded."""
        return False

    @property
    def with_times(self) -> bool:
        """True: a row has the time of its window."""
        return True


class AudioExtractor(Extractor[ConfigT, AudioStreamInfo]):
    """An extractor that is given sound."""

    rate_hz: int  # samples per second that the model wants; load() may set it

    @property
    def audio_rules(self) -> AudioRules:
        """How the samples follow from the file."""
        return REFERENCE

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the samples of the window, float32 [n]."""
        return {"samples": frames}


AnyExtractor = Extractor[Any, Any]
AnyVideoExtractor = VideoExtractor[Any]
