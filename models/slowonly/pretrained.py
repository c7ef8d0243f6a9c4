"""The published files of SlowOnly, and those that a configuration needs. Imports no torch."""

from models.slowonly.config import PUBLISHED_NAME, SlowOnlyConfig
from utils.weights.pretrained import Needed, Published

LICENCE = (
    "No licence stated for the weights. They come from open-mmlab/mmaction2 (Apache-2.0); the videos of "
    "Kinetics-400 have separate terms."
)
PAGE = "https://github.com/open-mmlab/mmaction2"
FOLDER = "https://download.openmmlab.com/mmaction"

VIDEO_320P = Published(
    name=PUBLISHED_NAME,
    url=f"{FOLDER}/recognition/slowonly/slowonly_r50_video_320p_4x16x1_256e_kinetics400_rgb/{PUBLISHED_NAME}",
    licence=LICENCE,
    source=PAGE,
    sha256="c9cdc656",
    megabytes=130,
)
RAW_FRAMES = Published(  # another training of the same network, as is VERSION_1
    name="slowonly_r50_4x16x1_256e_kinetics400_rgb_20200704-a69556c6.pth",
    url=f"{FOLDER}/recognition/slowonly/slowonly_r50_4x16x1_256e_kinetics400_rgb/"
    "slowonly_r50_4x16x1_256e_kinetics400_rgb_20200704-a69556c6.pth",
    licence=LICENCE,
    source=PAGE,
    sha256="a69556c6",
    megabytes=130,
)
VERSION_1 = Published(
    name="slowonly_r50_4x16x1_256e_8xb16_kinetics400-rgb_20220901-f6a40d08.pth",
    url=f"{FOLDER}/v1.0/recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb/"
    "slowonly_r50_4x16x1_256e_8xb16_kinetics400-rgb_20220901-f6a40d08.pth",
    licence=LICENCE,
    source=PAGE,
    sha256="f6a40d08",
    megabytes=130,
)
FILES = (VIDEO_320P, RAW_FRAMES, VERSION_1)


def needs(config: SlowOnlyConfig) -> dict[str, Needed]:
    """Return the network's file."""
    return {"slowonly": Needed(VIDEO_320P, config.checkpoint)}
