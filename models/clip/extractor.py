"""CLIP for the pipeline: an embedding for each frame, or the mean of those of each clip."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.clip.config import CLIPConfig
from models.clip.text import load_text
from models.clip.tower import image_input, load_tower, random_tower, with_linear_projection
from utils.extractors.base import Batch, NoWindows, VideoStreamInfo
from utils.extractors.frames import FramewiseExtractor, as_rows
from utils.extractors.text import ZeroShot
from utils.extractors.windows import Dense, Sampling
from utils.media.view import View

USUAL_FPS = 25  # to guess the frames of a clip before any video is opened


class CLIPExtractor(FramewiseExtractor[CLIPConfig]):
    """Features [frames, D], or with --clip_len [clips, D]; not normalized unless --normalize."""

    key = "clip"

    def load(self) -> None:
        """Load the image tower and the transform that belongs to its weights."""
        path, named = self.checkpoints["clip"], self.config.open_clip_name
        tower = load_tower(path, *named) if path else random_tower(*named)
        self.set_image(image_input(tower, *named))
        self.network = self.prepare_network(with_linear_projection(tower))
        if isinstance(self.config.show_pred, str):
            self.zero_shot = ZeroShot(self.config.show_pred, load_text(self.config, self.checkpoints, self.device))

    @property
    def view(self) -> View:
        """Frames at --extraction_fps; with --preset hero at more in short videos."""
        return replace(super().view, faster_if_short=self.config.preset == "hero")

    @property
    def batch_size(self) -> int:
        """Frames, or clips that hold as many."""
        if self.config.clip_len is None:
            return super().batch_size
        return max(int(self.frames_per_batch / (self.config.clip_len * USUAL_FPS * self.views_at_once)), 1)

    @property
    def attributes(self) -> dict[str, float]:
        """The length of a clip in seconds, which the 2-second-clip script saves."""
        return {} if self.config.clip_len is None else {"clip_length": self.config.clip_len}

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return each frame, or clips of int(fps * clip_len) frames back to back, the tail dropped."""
        if self.config.clip_len is None:
            return super().sampling(info)
        n_frames = frames_per_clip(info.fps, self.config.clip_len)
        return Dense(n_frames, n_frames)

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video shorter than a clip."""
        if self.config.clip_len is None or n_frames == 0:
            return super().no_windows(n_frames, info)
        wanted = frames_per_clip(info.fps, self.config.clip_len)
        return NoWindows("failed", f"{n_frames} frames, fewer than the {wanted} of one clip; use a smaller --clip_len")

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the frame, uint8 [h, w, 3], or the clip, uint8 [T, h, w, 3]."""
        return super().window(frames, pairs) if self.config.clip_len is None else {"clip": frames}

    def windows_of_frames(self, frames: Tensor) -> Batch:
        """Return the frames, uint8 [n, h, w, 3], or clips of one frame, uint8 [n, 1, h, w, 3]."""
        return super().windows_of_frames(frames) if self.config.clip_len is None else {"clip": frames[:, None]}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return embeddings [B, D]: of frames [B, h, w, 3], or the mean over the frames of clips [B, T, h, w, 3]."""
        if "clip" in batch:
            n_clips, n_frames = batch["clip"].shape[:2]
            parts = batch["clip"].flatten(0, 1).split(self.frames_per_batch)
            rows = torch.cat([self._embeddings(part) for part in parts]).view(n_clips, n_frames, -1).mean(1)
        else:
            rows = self._embeddings(batch["frame"])
        logits = {} if self.zero_shot is None else {"logits/clip": self.zero_shot.logits(rows)}
        normalized = self.config.normalize and not self._averages
        return {"clip": F.normalize(rows, dim=-1) if normalized else rows, **logits}

    @property
    def _averages(self) -> bool:
        """Whether the rows of windows are means over those of frames."""
        return self.config.has_windows and self.config.pool == "mean"

    def finish(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the rows; means are divided by their norms with --normalize."""
        if not (self.config.normalize and self._averages):
            return arrays
        return {key: F.normalize(torch.from_numpy(rows), dim=-1).numpy() for key, rows in arrays.items()}

    def _embeddings(self, frames: Tensor) -> Tensor:
        """Return one row per frame [n, D]. frames: uint8 [n, h, w, 3]."""
        return as_rows(self.network(self.image.normalized(frames, self.compute.dtype)), self.config.model_name)


def frames_per_clip(fps: float, seconds: float) -> int:
    """Return the number of frames in a clip, at least 1."""
    return max(int(fps * seconds), 1)
