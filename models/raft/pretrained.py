"""The published files of RAFT. Imports no torch."""

from models.raft.config import RAFTConfig
from utils.weights.pretrained import Needed, Published

PAGE = "https://github.com/princeton-vl/RAFT"
LICENCE = "none stated for the weights (code: BSD 3-Clause)"
FOLDER = (
    "https://github.com/v-iashin/video_features/raw/a2f61b7a4cf0ca6a2d91dcc2182f57e7cfd12664/models/raft/checkpoints"
)

SINTEL = Published(
    name="raft-sintel.pth",
    url=f"{FOLDER}/raft-sintel.pth",
    licence=LICENCE,
    source=PAGE,
    git_blob="e9ace903040d51abc4e0e6463a4072da78cedb9b",
    megabytes=21,
)
KITTI = Published(
    name="raft-kitti.pth",
    url=f"{FOLDER}/raft-kitti.pth",
    licence=LICENCE,
    source=PAGE,
    git_blob="ddf86d90a4cbd729f08e59950fbb502fdf0d0fd2",
    megabytes=21,
)
FILES = (SINTEL, KITTI)


def needs(config: RAFTConfig) -> dict[str, Needed]:
    """Return the file of --finetuned_on."""
    return {"raft": Needed(KITTI if config.finetuned_on == "kitti" else SINTEL, config.checkpoint)}
