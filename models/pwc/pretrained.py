"""The published file of PWC-Net. Imports no torch."""

from models.pwc.config import PWCConfig
from utils.weights.pretrained import Needed, Published

# The file that published I3D features were made with, in the last version of video_features that had PWC-Net.
FOLDER = (
    "https://github.com/v-iashin/video_features/raw/bd827df5e543ef3270946bcf63e47e18abcdd9ab/models/pwc/checkpoints"
)

SINTEL = Published(
    name="pwc_net_sintel.pt",
    url=f"{FOLDER}/pwc_net_sintel.pt",
    licence="CC BY-NC-SA 4.0 (non-commercial)",
    source="https://github.com/sniklaus/pytorch-pwc",
    git_blob="003fc9d54635881f84758edb5c3fea5918e54f83",
    megabytes=38,
)
FILES = (SINTEL,)


def needs(config: PWCConfig) -> dict[str, Needed]:
    """Return the network's file."""
    return {"pwc": Needed(SINTEL, config.checkpoint)}
