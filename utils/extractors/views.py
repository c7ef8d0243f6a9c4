"""Several views of each frame: what a window and a network make of one, they make of each."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from utils.errors import UserError, VideoError
from utils.extractors.views_config import ViewsConfig, too_small
from utils.nn.execute import Forward
from utils.nn.graphs import Tensors
from utils.transforms.crops import CROPS, Rule, cut
from utils.transforms.geometry import height_dim


@dataclass(frozen=True)
class Views:
    """Squares of `side` pixels, those that a rule cuts from a frame."""

    rule: Rule
    side: int

    def __len__(self) -> int:
        return len(self.rule(self.side, self.side, self.side))

    def of_each(
        self, make: Callable[[Tensor, Tensor | None], Tensors], frames: Tensor, pairs: Tensor | None, dim: int = 0
    ) -> Tensors:
        """Return what `make` makes of each view of frames and pairs, stacked in a new dimension `dim`.

        Mirrored flow keeps the sign of its x component, as in the public I3D extractors, which mirror its images.

        frames: [n, H, W, 3] or [n, 3, H, W]. pairs: [n, C, H, W].

        Raises:
            VideoError: the frames are smaller than a view.
        """
        rows = height_dim(frames)
        height, width = frames.shape[rows], frames.shape[rows + 1]
        if min(height, width) < self.side:
            raise VideoError(too_small(height, width, self.side))
        made = [
            make(cut(frames, box, self.side), None if pairs is None else cut(pairs, box, self.side))
            for box in self.rule(height, width, self.side)
        ]
        return {name: torch.stack([each[name] for each in made], dim) for name in made[0]}

    def forward(self, forward: Forward, one_by_one: bool) -> Forward:
        """Return a function of batches [B, views, ...] that returns rows [B, views, ...], and logits [B, classes].

        forward: of batches of one view. Its logits are averaged over the views.
        one_by_one: one view of all windows at a time: more take a CPU more memory, and are no faster there.
        """

        def of_views(batch: Tensors) -> Tensors:
            by_view = {name: value.transpose(0, 1) for name, value in batch.items()}  # [views, B, ...]
            if one_by_one:
                made = [forward({name: value[i] for name, value in by_view.items()}) for i in range(len(self))]
                outputs = {name: torch.stack([each[name] for each in made], 1) for name in made[0]}
            else:
                together = forward({name: value.flatten(0, 1) for name, value in by_view.items()})
                outputs = {
                    name: rows.reshape(len(self), -1, *rows.shape[1:]).transpose(0, 1)
                    for name, rows in together.items()
                }
            return {name: rows.mean(1) if name.startswith("logits/") else rows for name, rows in outputs.items()}

        return of_views


def views_of(config: ViewsConfig, size: tuple[int, int], squashed_to: tuple[int, int] | None) -> Views | None:
    """Return the views of --crop_type; None without it.

    size: (h, w) of the network's input. squashed_to: (h, w) that all frames are resized to, if there is one.

    Raises:
        UserError: there is nothing to crop from, or the input is no square.
    """
    if config.crop_type is None:
        return None
    if size[0] != size[1]:
        raise UserError(f"--crop_type: crops are squares, and this network sees {size[1]}x{size[0]} pixels; drop it")
    if squashed_to == size:
        raise UserError(
            f"--crop_type {config.crop_type}: frames are squashed to the {size[1]}x{size[0]} that the network sees, "
            "which leaves nothing to crop from; add --resize, such as --resize short:256"
        )
    return Views(CROPS[config.crop_boxes or "torchvision"][config.crop_type], size[0])
