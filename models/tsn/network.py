"""TSN: torchvision's image network ResNet-50 on each frame of a clip."""

from torch import Tensor, nn

from utils.nn.lean_torchvision import torchvision


class TSN(nn.Module):
    """A torchvision ResNet whose features are averaged over the frames of a clip before the classifier."""

    def __init__(self, resnet: torchvision.models.ResNet) -> None:
        super().__init__()
        self.classifier = resnet.fc
        resnet.add_module("fc", nn.Identity())
        self.backbone = resnet

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [N, 2048] and logits [N, classes] of clips [N, 3, T, H, W]."""
        frames = clips.transpose(1, 2)  # [N, T, 3, H, W]
        features = self.backbone(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]).mean(1)
        return features, self.classifier(features)
