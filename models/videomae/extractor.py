"""VideoMAE V2 for the pipeline: a feature per stack of 16 frames."""

from torch import Tensor, nn

from models.videomae.config import VideoMAEConfig
from models.videomae.preprocess import SQUASHED, to_network
from models.videomae.weights import load_videomae, random_videomae
from utils.extractors.stacks import StackExtractor
from utils.extractors.views_config import Resize
from utils.nn.vision_transformer import SIDE


class VideoMAEExtractor(StackExtractor[VideoMAEConfig]):
    """Features [windows, 384, 768 or 1408]."""

    key = "videomae"
    side = SIDE
    own_resize = Resize(size=SQUASHED)
    float32_parts = ("fc_norm", "head")

    def load_network(self) -> nn.Module:
        """Return the network of --model_name."""
        path, name = self.checkpoints["videomae"], self.config.model_name
        return load_videomae(path, name, self.compute.dtype) if path else random_videomae(name)

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames as the network's input, float32 [n, 3, 224, 224], or whole for views."""
        return to_network(frames, self.config.normalize, self.resized_size(frames), crop=self.views is None)
