"""The published files of R(2+1)D. Imports no torch."""

from models.r21d.config import R21DConfig
from utils.weights.pretrained import Needed, Published

IG65M_PAGE = "https://github.com/moabitcoin/ig65m-pytorch"
IG65M_LICENCE = "none stated for the weights (code: MIT; converted from facebookresearch/VMZ, Apache-2.0)"


def _ig65m(name: str) -> Published:
    # for torch.hub, which loads these files, the digits before the suffix are the beginning of their SHA-256
    return Published(
        name=name,
        url=f"{IG65M_PAGE}/releases/download/v1.0.0/{name}",
        licence=IG65M_LICENCE,
        source=IG65M_PAGE,
        sha256=name.removesuffix(".pth").rpartition("-")[2],
        megabytes=255,
    )


BY_MODEL = {
    "r2plus1d_18_16_kinetics": Published(
        name="r2plus1d_18-91a641e6.pth",
        url="https://download.pytorch.org/models/r2plus1d_18-91a641e6.pth",
        licence="none stated for the weights (code: BSD-3-Clause)",
        source="https://github.com/pytorch/vision",
        sha256="91a641e6",
        megabytes=126,
    ),
    "r2plus1d_34_32_ig65m_ft_kinetics": _ig65m("r2plus1d_34_clip32_ft_kinetics_from_ig65m-ade133f1.pth"),
    "r2plus1d_34_8_ig65m_ft_kinetics": _ig65m("r2plus1d_34_clip8_ft_kinetics_from_ig65m-0aa0550b.pth"),
}
FILES = tuple(BY_MODEL.values())


def needs(config: R21DConfig) -> dict[str, Needed]:
    """Return the file of the chosen network."""
    return {"r21d": Needed(BY_MODEL[config.model_name], config.checkpoint)}
