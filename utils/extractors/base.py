"""The contract between a model and the pipeline: all that is asked of a new feature type."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from utils.config.schema import Config
from utils.extractors.windows import Sampling
from utils.media.sound_rules import REFERENCE, SoundRules
from utils.nn.cpu.threads import RowThreads
from utils.nn.flow import Encoded
from utils.nn.prepare import ComputeMode, prepare_network, set_up
from utils.nn.skip_init import skip_init

Checkpoints = Mapping[str, Path | None]  # name in the model's needs() -> file; None asks for random weights
FLOAT32 = ComputeMode()
GPU_WINDOWS = 8  # of dozens of frames each, in a batch
Batch = dict[str, Tensor]  # network inputs by name, one row per window, on the device


@dataclass(frozen=True)
class StreamInfo:
    """What is known of a stream before it is decoded.

    fps: frames per second after --extraction_fps, or None for sound.
    height, width: of the upright frames, 0 for sound.
    rate_hz: samples per second for sound, or None.
    times_s: when each frame is shown, float64 [frames], where the model asks for it (Extractor.needs_times).
    """

    fps: float | None = None
    height: int = 0
    width: int = 0
    rate_hz: int | None = None
    times_s: np.ndarray | None = None

    @property
    def n_frames(self) -> int:
        """Return the number of frames; only where the model asks for their times."""
        if self.times_s is None:
            raise ValueError("the number of frames is known only with needs_times")
        return len(self.times_s)


@dataclass(frozen=True)
class NoWindows:
    """Why a stream gave no feature: status "skipped" (the user asked for it) or "failed", and the reason."""

    status: str
    reason: str


def short_of_a_window(n_units: int, n_wanted: int, short_video: str) -> NoWindows:
    """Return what --short_video skip or error make of a video with fewer frames than the `n_wanted` of one window."""
    reason = f"{n_units} frames, fewer than the {n_wanted} of one window"
    if short_video == "skip":
        return NoWindows("skipped", f"{reason} (--short_video skip)")
    return NoWindows("failed", f"{reason}; use a smaller --stack_size, or --short_video cycle to repeat frames")


class PairStage(Protocol):
    """Work that belongs to two neighbouring frames, such as flow: done once per pair, encoded once per frame."""

    def pairs_at_once(self, size: tuple[int, int]) -> int:
        """Return how many pairs of prepared frames of this (H, W) fit a batch."""
        ...

    def encode(self, units: Tensor) -> Encoded:
        """Return what `between` needs of each prepared frame [n, ...]; tensors with n rows."""
        ...

    def between(self, first: Encoded, second: Encoded, size: tuple[int, int]) -> Tensor:
        """Return one row per pair, as the window will hold it."""
        ...


class Extractor(ABC):
    """One feature type on one device. It does not decode, queue, batch across videos, write or print."""

    media: ClassVar[str] = "video"  # or "audio"
    rate_hz: ClassVar[int] = 0  # for audio: the sample rate that the model wants
    label_set: ClassVar[str | None] = None  # of the classes in `predictions`, see utils/extractors/labels.py
    needs_times: ClassVar[bool] = False  # count the frames, and their times, before sampling
    with_times: bool = True  # also save <name>_fps and <name>_timestamps_ms
    frame_times: ClassVar[bool] = False  # timestamps_ms of all frames: for windows that are pairs of neighbours
    row_dtype: torch.dtype = torch.float32  # that features are saved in, whatever they are computed in
    rows_per_thread: ClassVar[int] = 1  # at least, on a CPU: a linear layer rounds a few rows otherwise than many
    streamed: ClassVar[bool] = False  # rows are too large for memory: keep them on disk until the video ends

    def __init__(
        self, config: Config, checkpoints: Checkpoints, device: torch.device, arithmetic: ComputeMode = FLOAT32
    ) -> None:
        self.config = config
        self.checkpoints = checkpoints
        self.device = device
        self.arithmetic = arithmetic
        set_up(arithmetic, device)
        self.pairs: PairStage | None = None
        with skip_init():
            self.load()

    def load(self) -> None:  # noqa: B027 - a model without weights has nothing to load
        """Load the networks onto the device, in evaluation mode; set `pairs` if neighbours have work of their own.

        Raises:
            UserError: a checkpoint is not of the network's layout.
        """

    def prepare_network(self, network: nn.Module, float32_parts: tuple[str, ...] = ()) -> nn.Module:
        """Return a loaded network on the device, made ready to run as --precision and --compile say."""
        return prepare_network(network, self.device, self.arithmetic, float32_parts)

    @property
    @abstractmethod
    def keys(self) -> Sequence[str]:
        """The names of the outputs, e.g. ("rgb", "flow"); each becomes one array with a row per window."""

    @property
    def batch_size(self) -> int:
        """How many windows fill this device well. Two large ones side by side on a CPU would take ever more memory."""
        return 1 if self.device.type == "cpu" else GPU_WINDOWS

    @property
    def attributes(self) -> dict[str, float]:
        """Numbers of this configuration that formats with room for them carry along, such as clip_length."""
        return {}

    @property
    def sound_rules(self) -> SoundRules:
        """How sound is heard; for audio."""
        return REFERENCE

    @abstractmethod
    def sampling(self, info: StreamInfo) -> Sampling:
        """Return which windows to cut from a stream."""

    def no_windows(self, n_units: int, info: StreamInfo) -> NoWindows:
        """Return what to record for a stream that `sampling` cuts no window from."""
        return NoWindows("failed", f"too short: {n_units} frames give no window")

    def prepare(self, units: Tensor) -> Tensor:
        """Return frames as the windows keep them, one row per frame, on the same device.

        units: uint8 RGB [n, H, W, 3], or float32 samples [n]. Runs in the decode threads on a CPU.
        """
        return units

    def window(self, units: Tensor, pairs: Tensor | None) -> Batch:
        """Return the network inputs of one window, small dtypes preferred; rows are stacked into a batch.

        units: what `prepare` made of the window's frames [T, ...]; pairs: rows of PairStage [T - 1, ...].
        """
        return {"units": units}

    @abstractmethod
    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return a row per window for each key, float32 [B, D].

        With `show_pred`, also "logits/<key>" [B, classes] for each key that has classes. A row must not depend on the
        others: on a CPU several threads call this at once, each with some of the rows.
        """

    def outputs(self, batch: Batch) -> dict[str, Tensor]:
        """Return what `forward` gives for a batch, on a CPU from parts of it on threads of their own."""
        if self.device.type != "cpu" or self.arithmetic.compile:
            return self.forward(batch)
        return self._row_threads.spread(self.forward, batch, self.rows_per_thread)

    @cached_property
    def _row_threads(self) -> RowThreads:
        return RowThreads()

    def finish(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return what is saved of a video, from the rows of all its windows [windows, ...] by key.

        Averages over windows belong here.
        """
        return arrays
