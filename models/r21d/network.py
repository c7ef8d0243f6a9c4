"""R(2+1)D with 18 or 34 layers, of torchvision's parts, with the differences that the IG-65M networks have.

Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018, arXiv:1711.11248;
IG-65M: Ghadiyaram et al., CVPR 2019, arXiv:1905.00561.
"""

from typing import cast

from torch import Tensor, nn

from utils.nn.lean_torchvision import torchvision

R2Plus1dStem = torchvision.models.video.resnet.R2Plus1dStem
BasicBlock = torchvision.models.video.resnet.BasicBlock
Conv2Plus1D = torchvision.models.video.resnet.Conv2Plus1D
N_FEATURES = 512
BLOCKS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3]}
# The 34-layer networks were trained in Caffe2, with this epsilon in batch norm; torchvision's have 1e-5.
CAFFE2_EPSILON = 1e-3


class R2Plus1D(torchvision.models.video.VideoResNet):
    """The network of 18 layers (Kinetics-400) or of 34 (IG-65M); its tensors have the published names."""

    def __init__(self, layers: int = 18, num_classes: int = 400) -> None:
        super().__init__(BasicBlock, [Conv2Plus1D] * 4, BLOCKS[layers], R2Plus1dStem, num_classes)
        if layers == 34:
            for stage in (self.layer2, self.layer3, self.layer4):
                convolution = cast(BasicBlock, stage[0]).conv2  # as BasicBlock is what each stage is made of
                convolution[0] = _full_width(cast(Conv2Plus1D, convolution[0]))
            for module in self.modules():
                if isinstance(module, nn.BatchNorm3d):
                    module.eps = CAFFE2_EPSILON

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]  # features, too
        """Return features [B, 512] and the logits of the classes [B, num_classes], before any softmax.

        clips: float32 [B, 3, T, H, W], normalized, T at least 1; trained with H = W = 112.
        """
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(clips)))))
        features = self.avgpool(x).flatten(1)
        return features, self.fc(features)


def _full_width(split: Conv2Plus1D) -> Conv2Plus1D:
    """Return a block's second convolution with the number of channels between space and time that its own sizes give.

    Where a block's two convolutions differ in size, torchvision uses the first one's number for both.
    """
    n_in, n_out = cast(nn.Conv3d, split[0]).in_channels, cast(nn.Conv3d, split[3]).out_channels
    return Conv2Plus1D(n_in, n_out, n_in * n_out * 27 // (9 * n_in + 3 * n_out))
