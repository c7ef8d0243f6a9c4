"""SlowOnly 4x16: a ResNet-50 whose last two stages have convolutions over time (arXiv:1812.03982)."""

from utils.nn.resnet3d import EVERYWHERE, Classifier3D, ResNet3DSpec

N_CLASSES = 400  # Kinetics-400

SPEC = ResNet3DSpec(inflated=((), (), EVERYWHERE[2], EVERYWHERE[3]))


class SlowOnly(Classifier3D):
    """Features [B, 2048] and logits of clips [B, 3, T, H, W]; trained with T = 4, takes any T."""

    def __init__(self, n_classes: int = N_CLASSES) -> None:
        super().__init__(SPEC, n_classes)
