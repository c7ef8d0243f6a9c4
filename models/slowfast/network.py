"""SlowFast 8x8 R50: a slow and a fast pathway over one clip (Feichtenhofer et al., arXiv:1812.03982)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.nn.resnet3d import EVERYWHERE, ConvNorm, ResNet3D, ResNet3DSpec
from utils.transforms.constants import constant

FAST_FRAMES = 32
SLOW_OF_FAST = (0, 4, 8, 13, 17, 22, 26, 31)  # linspace(0, 31, 8) rounded down: not every fourth frame
WINDOW = 7  # positions: side of the head's average pool, as large as the map of the smallest input (224 pixels)
FUSION_TIME = 7  # kernel along time; the paper and the other SlowFast networks have 5
N_FEATURES = 2304
LAYER_FEATURES = (88, 352, 704, 1408, 2304)  # slow, fused and fast channels; the last layer has no fused ones
N_CLASSES = 400  # Kinetics-400

FAST = ResNet3DSpec(width=8, stem_time=5, inflated=EVERYWHERE)
FUSED = tuple(2 * n for n in (FAST.width, *map(FAST.channels, range(3))))  # channels from each fusion
SLOW = ResNet3DSpec(inflated=((), (), EVERYWHERE[2], EVERYWHERE[3]), extra=FUSED)

Maps = tuple[Tensor, Tensor]  # feature maps of the slow and of the fast pathway, [B, C, T, H, W]


class SlowFast(nn.Module):
    """Features of five layers and logits of clips of 32 frames."""

    def __init__(self, n_classes: int = N_CLASSES) -> None:
        super().__init__()
        self.slow = ResNet3D(SLOW)
        self.fast = ResNet3D(FAST)
        stride = FAST_FRAMES // len(SLOW_OF_FAST)
        self.fusions = nn.ModuleList(ConvNorm(n // 2, n, (FUSION_TIME, 1, 1), (stride, 1, 1), relu=True) for n in FUSED)
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
