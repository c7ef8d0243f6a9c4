"""I3D on a ResNet-50, 32x2 (arXiv:1705.07750), with dot-product non-local modules or without (arXiv:1711.07971)."""

from dataclasses import replace

from utils.nn.resnet3d import NOWHERE, Classifier3D, ResNet3DSpec

N_CLASSES = 400  # Kinetics-400

NON_LOCAL = ResNet3DSpec(
    stem_time=5,
    stem_stride=2,
    pool_stride=2,
    inflated=((0, 1, 2), (0, 2), (0, 2, 4), (1,)),
    non_local=((), (1, 3), (1, 3, 5), ()),
    pool_time=True,
)
SPECS = {
    "non_local": NON_LOCAL,
    "baseline": replace(NON_LOCAL, non_local=NOWHERE, pool_kernel=(2, 3, 3), pool_padding=(0, 0, 0)),
}


class I3DR50(Classifier3D):
    """Features [B, 2048] and logits of clips [B, 3, T, H, W]; T at least 5, or 7 of the baseline."""

    def __init__(self, n_classes: int = N_CLASSES, variant: str = "non_local") -> None:
        super().__init__(SPECS[variant], n_classes)
