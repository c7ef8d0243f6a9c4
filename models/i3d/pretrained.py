"""The published files of I3D, and those that a configuration needs. Imports no torch."""

from models.i3d.config import I3DConfig
from models.pwc.pretrained import SINTEL as PWC_SINTEL
from models.raft.pretrained import SINTEL as RAFT_SINTEL
from utils.weights.pretrained import Needed, Published

LICENCE = (
    "No licence stated for the weights. They come from google-deepmind/kinetics-i3d (Apache-2.0), converted "
    "in hassony2/kinetics_i3d_pytorch (MIT); the videos of Kinetics-400 have separate terms."
)
PAGE = "https://github.com/hassony2/kinetics_i3d_pytorch"
FOLDER = "https://github.com/v-iashin/video_features/raw/master/models/i3d/checkpoints"

RGB = Published(
    name="i3d_rgb.pt",
    url=f"{FOLDER}/i3d_rgb.pt",
    licence=LICENCE,
    source=PAGE,
    git_blob="2a7c22e23e6c74f50a0166ce61110bccd2ab48bb",
    megabytes=51,
)
FLOW = Published(
    name="i3d_flow.pt",
    url=f"{FOLDER}/i3d_flow.pt",
    licence=LICENCE,
    source=PAGE,
    git_blob="5d552d2206f41089c428b0d9d8de3b1fccc85b5a",
    megabytes=51,
)
FILES = (RGB, FLOW, PWC_SINTEL, RAFT_SINTEL)


def outputs(config: I3DConfig) -> dict[str, str]:
    """Return the shape of each array, one per stream."""
    return dict.fromkeys(config.streams, "[windows, 1024]")


def needs(config: I3DConfig) -> dict[str, Needed]:
    """Return the files of the chosen streams, and of the flow network if flow is one of them; TV-L1 has none."""
    needed: dict[str, Needed] = {}
    if "rgb" in config.streams:
        needed["i3d_rgb"] = Needed(RGB, config.i3d_rgb_path)
    if "flow" in config.streams:
        needed["i3d_flow"] = Needed(FLOW, config.i3d_flow_path)
        if config.flow_type == "raft":
            needed["raft"] = Needed(RAFT_SINTEL, config.raft_path)
        elif config.flow_type == "pwc":
            needed["pwc"] = Needed(PWC_SINTEL, config.pwc_path)
    return needed
