"""R(2+1)D for the pipeline: a feature per stack of frames."""

from torch import Tensor, nn

from models.r21d.config import R21DConfig
from models.r21d.preprocess import CROP_SIDE, SIZE, to_network
from models.r21d.weights import load_r21d, random_r21d
from utils.extractors.stacks import StackExtractor
from utils.extractors.views_config import Resize


class R21DExtractor(StackExtractor[R21DConfig]):
    """Features [windows, 512]."""

    key = "r21d"
    side = CROP_SIDE
    own_resize = Resize(size=SIZE)
    float32_parts = ("avgpool", "fc")

    @property
    def extraction_fps(self) -> float | None:
        """As --extraction_fps says, or the network was trained."""
        return self.config.fps

    def load_network(self) -> nn.Module:
        """Return the network of --model_name."""
        path = self.checkpoints["r21d"]
        return load_r21d(path, self.config.model_name) if path else random_r21d(self.config.model_name)

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames as the network's input, float32 [n, 3, 112, 112], or whole for views."""
        return to_network(frames, self.resized_size(frames), crop=self.views is None)
