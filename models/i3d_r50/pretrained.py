"""The published files of I3D-R50, and those that a configuration needs. Imports no torch."""

from models.i3d_r50.config import BASELINE_NAME, PUBLISHED_NAME, I3DR50Config
from utils.weights.pretrained import Needed, Published

LICENCE = (
    "No licence stated for the weights. They come from open-mmlab/mmaction2 (Apache-2.0); the videos of "
    "Kinetics-400 have separate terms."
)
PAGE = "https://github.com/open-mmlab/mmaction2"
FOLDER = "https://download.openmmlab.com/mmaction"

VERSION_1 = Published(
    name=PUBLISHED_NAME,
    url=f"{FOLDER}/v1.0/recognition/i3d/"
    f"i3d_imagenet-pretrained-r50-nl-dot-product_8xb8-32x2x1-100e_kinetics400-rgb/{PUBLISHED_NAME}",
    licence=LICENCE,
    source=PAGE,
    sha256="8e1f2148",
    megabytes=142,
)
VERSION_0 = Published(  # another training of the same network
    name="i3d_nl_dot_product_r50_32x2x1_100e_kinetics400_rgb_20200814-7c30d5bb.pth",
    url=f"{FOLDER}/recognition/i3d/i3d_nl_dot_product_r50_32x2x1_100e_kinetics400_rgb/"
    "i3d_nl_dot_product_r50_32x2x1_100e_kinetics400_rgb_20200814-7c30d5bb.pth",
    licence=LICENCE,
    source=PAGE,
    sha256="7c30d5bb",
    megabytes=142,
)
BASELINE = Published(  # without non-local modules
    name=BASELINE_NAME,
    url=f"https://dl.fbaipublicfiles.com/video-nonlocal/{BASELINE_NAME}",
    licence="CC BY-NC 4.0 (non-commercial), of code and models; the videos of Kinetics-400 have separate terms",
    source="https://github.com/facebookresearch/video-nonlocal-net",
    megabytes=224,
)
FILES = (VERSION_1, VERSION_0, BASELINE)


def needs(config: I3DR50Config) -> dict[str, Needed]:
    """Return the network's file."""
    return {"i3d_r50": Needed(BASELINE if config.variant == "baseline" else VERSION_1, config.checkpoint)}
