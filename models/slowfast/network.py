"""SlowFast 8x8, R50 or R101: a slow and a fast pathway over one clip (Feichtenhofer et al., arXiv:1812.03982)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.resnet3d import BLOCKS, ConvNorm, ResNet3D, ResNet3DSpec
from utils.transforms.constants import constant

FAST_FRAMES = 32
SLOW_OF_FAST = (0, 4, 8, 13, 17, 22, 26, 31)  # linspace(0, 31, 8) rounded down: not every fourth frame
WINDOW = 7  # positions: side of the head's average pool, as large as the map of the smallest input (224 pixels)
BLOCKS_BY_DEPTH = {50: BLOCKS, 101: (3, 4, 23, 3)}
FUSION_TIME = {50: 7, 101: 5}  # kernel along time; the paper has 5 for all depths
N_FEATURES = 2304
LAYER_FEATURES = (88, 352, 704, 1408, 2304)  # slow, fused and fast channels; the last layer has no fused ones
N_CLASSES = 400  # Kinetics-400

FAST_WIDTH = 8  # channels of the fast stem
FUSED = (16, 64, 128, 256)  # channels from each fusion: two for each of the fast pathway

Maps = tuple[Tensor, Tensor]  # feature maps of the slow and of the fast pathway, [B, C, T, H, W]


class SlowFast(nn.Module):
    """Features of five layers and logits of clips of 32 frames."""

    def __init__(self, n_classes: int = N_CLASSES, depth: int = 50) -> None:
        super().__init__()
        blocks = BLOCKS_BY_DEPTH[depth]
        everywhere = [range(n) for n in blocks]
        self.slow = ResNet3D(ResNet3DSpec(blocks, inflated=((), (), *everywhere[2:]), extra=FUSED))
        self.fast = ResNet3D(ResNet3DSpec(blocks, FAST_WIDTH, stem_time=5, inflated=everywhere))
        kernel, stride = (FUSION_TIME[depth], 1, 1), (FAST_FRAMES // len(SLOW_OF_FAST), 1, 1)
        self.fusions = nn.ModuleList(ConvNorm(n // 2, n, kernel, stride, relu=True) for n in FUSED)
        self.classifier = nn.Linear(N_FEATURES, n_classes)

    def forward(self, clips: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the features of layers 0 to 4, [B, 88] … [B, 2304], and logits [B, classes].

        The last layer is the input of the classifier. clips: float32 [B, 3, 32, H, W], normalized RGB.
        """
        layers = [windows(maps).mean((2, 3)) for maps in self.maps(clips)]
        return layers, self.classifier(layers[-1])

    def maps(self, clips: Tensor) -> Iterator[Maps]:
        """Yield both pathways after the stem and each stage; the slow one's channels are followed by the fused ones."""
        slow, fast = self.slow.stem(clips[:, :, constant(SLOW_OF_FAST, clips.device)]), self.fast.stem(clips)
        for slow_stage, fast_stage, fusion in zip(self.slow.stages, self.fast.stages, self.fusions, strict=True):
            slow = torch.cat([slow, fusion(fast)], 1)
            yield slow, fast
            slow, fast = slow_stage(slow), fast_stage(fast)
        yield slow, fast


def windows(maps: Maps) -> Tensor:
    """Return the head's average pools of the maps, over all time and 7x7 positions, [B, slow + fast, H - 6, W - 6].

    Their stride is one position, so the mean over them gives more weight to the middle of a map than a global average.
    """
    return torch.cat([F.avg_pool2d(each.mean(2, dtype=torch.float32), WINDOW, stride=1) for each in maps], 1)
