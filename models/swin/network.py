"""Video Swin Transformer: torchvision's network, which returns its features, too."""

from torch import Tensor, nn

from models.swin.attention import ShiftedWindowAttention3d, WindowAttention
from utils.nn.lean_torchvision import torchvision


class VideoSwin(nn.Module):
    """A torchvision SwinTransformer3d that returns the mean of its tokens as well as the logits."""

    def __init__(self, swin: torchvision.models.video.SwinTransformer3d) -> None:
        super().__init__()
        self.classifier = swin.head
        swin.add_module("head", nn.Identity())
        for block in list(swin.modules()):
            if isinstance(attention := getattr(block, "attn", None), ShiftedWindowAttention3d):
                block.attn = WindowAttention(attention)
        self.backbone = swin

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return features [N, D] (D = 768 for tiny) and logits [N, classes] of clips [N, 3, T, H, W]."""
        features = self.backbone(clips)
        return features, self.classifier(features)
