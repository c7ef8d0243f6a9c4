"""S3D for the pipeline: a feature per stack of frames."""

from torch import Tensor, nn

from models.s3d.config import S3DConfig
from models.s3d.preprocess import to_network
from models.s3d.weights import load_s3d, random_s3d
from utils.extractors.stacks import StackExtractor


class S3DExtractor(StackExtractor[S3DConfig]):
    """Features [windows, 1024]."""

    key = "s3d"
    float32_parts = ("avgpool", "classifier")

    def load_network(self) -> nn.Module:
        """Return the network, from a checkpoint of either published layout or with random weights."""
        path = self.checkpoints["s3d"]
        return load_s3d(path) if path else random_s3d()

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames as the network's input, float32 [n, 3, 224, 224]."""
        return to_network(frames, self.config.signed_input)
