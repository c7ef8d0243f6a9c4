"""The published files of R(2+1)D. Imports no torch."""

from models.r21d.config import R21DConfig
from utils.weights.pretrained import Needed, Published

IG65M_PAGE = "https://github.com/moabitcoin/ig65m-pytorch"
IG65M_LICENCE = "none stated for the weights (code: MIT; converted from facebookresearch/VMZ, Apache-2.0)"


TSP_PAGE = "https://github.com/HumamAlwassel/TSP"
TSP_LICENCE = "none stated for the weights (code: MIT)"


def _of_torch_hub(release: str, name: str, licence: str, megabytes: int) -> Published:
    """Return a file of a GitHub release that torch.hub loads: the digits at its end begin its SHA-256."""
    return Published(
        name=name,
        url=f"{release}/{name}",
        licence=licence,
        source=release.partition("/releases/")[0],
        sha256=name.removesuffix(".pth").rpartition("-")[2],
        megabytes=megabytes,
    )


def _ig65m(name: str) -> Published:
    return _of_torch_hub(f"{IG65M_PAGE}/releases/download/v1.0.0", name, IG65M_LICENCE, 255)


def _tsp(name: str, megabytes: int) -> Published:
    return _of_torch_hub(f"{TSP_PAGE}/releases/download/model_weights", name, TSP_LICENCE, megabytes)


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
    "r2plus1d_34_16_tsp_activitynet": _tsp(
        "r2plus1d_34-tsp_on_activitynet-max_gvf-backbone_lr_0.0001-fc_lr_0.002-epoch_5-0d2cf854.pth", 510
    ),
    "r2plus1d_34_16_tsp_thumos14": _tsp(
        "r2plus1d_34-tsp_on_thumos14-max_gvf-backbone_lr_0.0001-fc_lr_0.004-epoch_4-e6a30b2f.pth", 510
    ),
    "r2plus1d_18_16_tsp_activitynet": _tsp(
        "r2plus1d_18-tsp_on_activitynet-max_gvf-backbone_lr_0.0001-fc_lr_0.002-epoch_6-22835b73.pth", 251
    ),
}
FILES = tuple(BY_MODEL.values())


def needs(config: R21DConfig) -> dict[str, Needed]:
    """Return the file of the chosen network."""
    return {"r21d": Needed(BY_MODEL[config.model_name], config.checkpoint)}
