"""SlowFast for the pipeline: 32 frames of each clip, or of the whole video."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from models.slowfast import clips
from models.slowfast.config import ACAV_S, HERO_SIDE, SlowFastConfig
from models.slowfast.network import LAYER_FEATURES
from models.slowfast.preprocess import PRESETS, RESIZES, SIDE, network_input
from models.slowfast.weights import load_slowfast, random_slowfast
from utils.extractors.base import Batch, NoWindows, VideoExtractor, VideoStreamInfo
from utils.extractors.views import views_of
from utils.extractors.views_config import checked_resize
from utils.extractors.window_frames import in_frames
from utils.extractors.windows import Listed, Sampling


class SlowFastExtractor(VideoExtractor[SlowFastConfig]):
    """One 2304-d feature per clip, or five of 88 to 2304 numbers with --layers."""

    label_set = "kinetics400"

    def load(self) -> None:
        """Load the network onto the device."""
        side = HERO_SIDE if self.config.preset == "hero" else SIDE
        self._resize = checked_resize(self.config, (side, side)) or RESIZES[self.config.preset]
        self.views = views_of(self.config, (side, side), self._resize.size)
        path, depth = self.checkpoints["slowfast"], int(self.config.depth)
        network = load_slowfast(path, depth) if path else random_slowfast(depth)
        self._network = self.prepare_network(network, float32_parts=("classifier",))

    @property
    def extraction_fps(self) -> float | None:
        """Frames per second to sample a video at; None for its own."""
        return self.config.frame_rate

    @property
    def needs_times(self) -> bool:
        """True: clips are cut by time, and only 32 frames of each are wanted."""
        return True

    @property
    def with_times(self) -> bool:
        """Whether rows have times: not if clips are averaged."""
        return not self.config.averages

    @property
    def keys(self) -> Sequence[str]:
        """The feature type, or with --layers the layers."""
        return [f"layer_{i}" for i in range(len(LAYER_FEATURES))] if self.config.layers else ["slowfast"]

    @property
    def attributes(self) -> dict[str, float]:
        """The length of a clip in seconds, which the 2-second-clip script saves."""
        by_time = self.config.stack_size is None and not self.config.one_clip and self.config.preset != "hero"
        return {"clip_length": self.config.seconds} if by_time else {}

    def sampling(self, info: VideoStreamInfo) -> Sampling:
        """Return the 32 frames of each clip."""
        if self.config.preset == "hero":
            second, length = (int(frames) for frames in self.config.hero_lengths)
            return Listed(clips.hero(info.n_frames, second, length, info.source_fps or info.fps), fill_lost=False)
        frames = self._clips(info) if info.n_frames else []
        return Listed([clips.spread(clip) for clip in frames], fill_lost=False)

    def _clips(self, info: VideoStreamInfo) -> clips.Clips:
        """Return the frames of each clip."""
        config, fps = self.config, info.fps
        if config.one_clip:
            return [clips.first(info.known_times_s, np.inf if config.whole_video else ACAV_S)]
        if config.has_frames or config.preset == "squash":
            size = config.stack_size or clips.block_length(config.seconds, fps)
            length, step = in_frames(config, fps, size, config.step_size or size)
            found = clips.blocks(info.n_frames, length, config.num_clips, config.tail, step)
        else:
            length = clips.nominal_length(config.seconds, fps)
            found = clips.spans(info.known_times_s, fps, config.seconds, config.num_clips, config.tail)
        if not found and config.short_video == "cycle":
            found = [clips.cycled(range(info.n_frames), length)] * max(config.num_clips, 1)
        return found

    def no_windows(self, n_frames: int, info: VideoStreamInfo) -> NoWindows:
        """Return the outcome of a video shorter than one clip, by --short_video."""
        config = self.config
        wanted = f"{config.stack_size} frames" if config.stack_size else f"{config.seconds:g} s"
        if info.n_frames == 0:
            return NoWindows("failed", "no frame could be decoded; get the file again")
        reason = f"{info.n_frames} frames at {info.fps:g} frames per second are less than the {wanted} of one clip"
        if config.short_video == "skip":
            return NoWindows("skipped", f"{reason} (--short_video skip)")
        return NoWindows(
            "failed", f"{reason}; use shorter clips, --whole_video, or --short_video cycle to repeat frames"
        )

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames resized and cropped by the preset, see models.slowfast.preprocess; for views, whole ones."""
        return PRESETS[self.config.preset](frames, self._resize, crop=self.views is None)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return a row per clip for each key, and with --show_pred the logits of the classes [B, 400]."""
        layers, logits = self._network(network_input(batch["frames"], self.compute.dtype))
        features = layers if self.config.layers else layers[-1:]
        outputs = dict(zip(self.keys, features, strict=True))
        if self.config.show_pred:
            outputs[f"logits/{self.keys[-1]}"] = logits
        return outputs

    def finish(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the features [clips, D], or with --average clips their mean [D]."""
        if self.config.average == "none":
            return arrays
        return {key: array.mean(0, dtype=np.float64).astype(np.float32) for key, array in arrays.items()}
