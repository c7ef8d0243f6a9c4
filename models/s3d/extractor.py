"""S3D for the pipeline: a feature per stack of frames."""

from torch import Tensor, nn

from models.s3d.config import S3DConfig
from models.s3d.preprocess import SHORTER_SIDE, SIDE, to_howto100m, to_network
from models.s3d.weights import load_howto100m, load_s3d, random_howto100m, random_s3d
from utils.extractors.base import Batch
from utils.extractors.stacks import StackExtractor


class S3DExtractor(StackExtractor[S3DConfig]):
    """Features [windows, 1024], or [windows, 512] with --projected."""

    key = "s3d"
    side = SIDE
    own_resize = SHORTER_SIDE
    float32_parts = ("avgpool", "classifier")

    def load_network(self) -> nn.Module:
        """Return the network, from a checkpoint of either published layout or with random weights."""
        path = self.checkpoints["s3d"]
        if self.config.variant == "howto100m":
            return load_howto100m(path) if path else random_howto100m()
        return load_s3d(path) if path else random_s3d()

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames as the network's input, float32 [n, 3, 224, 224], or whole for views."""
        crop = self.views is None
        if self.config.variant == "howto100m":
            return to_howto100m(frames, self.resize, crop)
        return to_network(frames, self.config.signed_input, self.resize, crop)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, 1024] or [B, 512], and with --show_pred the logits of the classes [B, classes]."""
        if not self.config.projected:
            return super().forward(batch)
        _, projected = self._network(batch["clips"])
        return {self.key: projected}
