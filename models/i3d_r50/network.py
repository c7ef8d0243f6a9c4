"""I3D on a ResNet-50 with dot-product non-local modules, 32x2 (arXiv:1705.07750, arXiv:1711.07971)."""

from utils.nn.resnet3d import Classifier3D, ResNet3DSpec

N_CLASSES = 400  # Kinetics-400

SPEC = ResNet3DSpec(
    stem_time=5,
    stem_stride=2,
    pool_stride=2,
    inflated=((0, 1, 2), (0, 2), (0, 2, 4), (1,)),
    non_local=((), (1, 3), (1, 3, 5), ()),
    pool_time=True,
)


class I3DR50(Classifier3D):
    """Features [B, 2048] and logits of clips [B, 3, T, H, W]; trained with T = 32, takes any T of at least 5."""

    def __init__(self, n_classes: int = N_CLASSES) -> None:
        super().__init__(SPEC, n_classes)
