"""Extraction under other assumptions about pixels: frames changed before they are prepared, numbers before the network.

No model takes part: the extractor's `prepare` is given other frames, and a hook of PyTorch changes the first input that
has three colours. What a pixel is there is measured with frames of one colour.
"""

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from utils.errors import VideoError
from utils.sinks.record import Record
from utils.sources.ref import VideoRef
from utils.worker.events import Job
from utils.worker.plan import Plan, Task
from utils.worker.session import Session

Frames = Callable[[Tensor], Tensor]  # uint8 RGB [n, H, W, 3] → the same
Triple = Sequence[float]
LEVELS = (0, 128, 255)  # of one colour, by which the scaling is measured
SAME = 1e-4  # of numbers at the network, relative to the largest


def same(frames: Tensor) -> Tensor:
    """Return frames as they are."""
    return frames


@dataclass(frozen=True)
class Scaling:
    """What the network is given for a pixel p in 0..255 of each colour: (p - mean) / std."""

    mean: Triple
    std: Triple

    def of(self, level: float) -> Tensor:
        """Return the numbers of a pixel with this level in all colours, float32 [3]."""
        return (level - torch.tensor(self.mean)) / torch.tensor(self.std)

    def is_near(self, other: "Scaling") -> bool:
        """Return whether two give the same numbers but for rounding."""
        return all(bool(torch.allclose(self.of(p), other.of(p), rtol=1e-2, atol=1e-2)) for p in LEVELS)


class AlteredSession(Session):
    """A session on the CPU whose extractor can be made to see other pixels."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._type = plan.features[0].feature_type
        self._network: nn.Module | None = None
        self.scaling: Scaling | None = None  # that the features were made with; None where it cannot be changed

    def rows(self, ref: VideoRef, frames: Frames = same, scaling: Scaling | None = None) -> Record:
        """Return the features of a video with other frames, or with other numbers for its pixels.

        Raises:
            VideoError: there are none.
        """
        with self._frames(frames), self._scaled(scaling):
            tasks = [Task(ref, (self._type,))]
            (outcome,) = self.extract(tasks, True, _no_predictions)
        if outcome.record is None:
            raise VideoError(outcome.reason)
        return outcome.record

    def measure(self, ref: VideoRef) -> None:
        """Find the network and its scaling, by frames of one colour."""
        if self._extractor.pairs is not None:  # the first network sees frames for flow
            return
        seen: list[Tensor] = []
        for level in LEVELS:
            first: list[tuple[nn.Module, Tensor]] = []

            def note(module: nn.Module, inputs: Any, first: list[tuple[nn.Module, Tensor]] = first) -> None:
                if not first and (axis := _colours(inputs)) is not None:
                    first.append((module, inputs[0].detach().movedim(axis, 0).flatten(1).clone()))

            with contextlib.closing(_Handle(register_module_forward_pre_hook(note))):
                self.rows(ref, lambda frames, level=level: torch.full_like(frames, level))
            if not first or first[0][1].std(1).max() > SAME * first[0][1].abs().max().clamp(min=1):
                return
            self._network, colours = first[0]
            seen.append(colours.mean(1))
        black, grey, white = seen
        std = 255 / (white - black)
        found = Scaling([float(x) for x in -black * std], [float(x) for x in std])
        if torch.allclose(found.of(LEVELS[1]), grey, rtol=SAME, atol=SAME * float(white.abs().max())):
            self.scaling = found

    @contextlib.contextmanager
    def _frames(self, change: Frames) -> Generator[None, None, None]:
        prepare = self._extractor.prepare

        def prepare_changed(frames: Tensor) -> Tensor:
            return prepare(change(frames))

        vars(self._extractor)["prepare"] = prepare_changed
        try:
            yield
        finally:
            del vars(self._extractor)["prepare"]

    @contextlib.contextmanager
    def _scaled(self, scaling: Scaling | None) -> Generator[None, None, None]:
        if scaling is None or self.scaling is None or self._network is None:
            yield
            return
        had, factor = self.scaling.of(0), torch.tensor(self.scaling.std) / torch.tensor(scaling.std)
        wanted = scaling.of(0)

        def change(_: nn.Module, inputs: Any) -> Any:
            axis = _colours(inputs)
            if axis is None:
                return None
            shape = [-1 if i == axis else 1 for i in range(inputs[0].ndim)]
            black, times, new = (x.view(shape).to(inputs[0].device) for x in (had, factor, wanted))
            return ((inputs[0] - black) * times + new, *inputs[1:])

        with contextlib.closing(_Handle(self._network.register_forward_pre_hook(change))):
            yield


@dataclass(frozen=True)
class _Handle:
    """A hook that can be closed."""

    hook: Any

    def close(self) -> None:
        """Remove the hook."""
        self.hook.remove()


def _no_predictions(_job: Job, _row: int, _span_s: tuple[float, float], _logits: dict[str, np.ndarray]) -> None:
    """Take no predictions."""


def _colours(inputs: Any) -> int | None:
    """Return which axis of a network's first input has the three colours; None if it is no input of pictures."""
    if not inputs or not isinstance(inputs[0], Tensor) or inputs[0].ndim < 4 or not inputs[0].is_floating_point():
        return None
    return next((axis for axis in (1, 2, inputs[0].ndim - 1) if inputs[0].shape[axis] == 3), None)
