"""S3D: an Inception network with convolutions split into space and time; torchvision's layers.

Xie et al., "Rethinking Spatiotemporal Feature Learning", ECCV 2018, arXiv:1712.04851.
"""

from torch import Tensor

from utils.nn.lean_torchvision import torchvision

N_FEATURES = 1024


class S3D(torchvision.models.video.S3D):
    """The network of 8.3 million parameters, with torchvision's tensor names and its batch norm epsilon of 1e-3."""

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]  # features, too
        """Return features [B, 1024] and the logits of the classes [B, num_classes], before any softmax.

        The features are means over pairs of time steps, then over the pairs: the first and the last step have half the
        weight of the others.

        clips: float32 [B, 3, T, H, W], T at least 13, H and W 223 or 224.
        """
        features = self.avgpool(self.features(clips)).mean((2, 3, 4))
        return features, self.classifier(features[:, :, None, None, None]).flatten(1)
