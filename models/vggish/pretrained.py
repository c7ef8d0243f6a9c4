"""The published files of VGGish, and those that a configuration needs. Imports no torch."""

from models.vggish.config import VGGishConfig
from utils.weights.pretrained import Needed, Published

PAGE = "https://github.com/tensorflow/models/tree/master/research/audioset/vggish"

NETWORK = Published(
    name="vggish_model.ckpt",
    url="https://storage.googleapis.com/audioset/vggish_model.ckpt",
    licence="Apache-2.0",
    source=PAGE,
    megabytes=289,
)
PCA_PARAMETERS = Published(
    name="vggish_pca_params.npz",
    url="https://storage.googleapis.com/audioset/vggish_pca_params.npz",
    licence="Apache-2.0",
    source=PAGE,
    size=73020,
    sha256="4d878af3e306defbfb37095365aa7e5a6cecb86bad13e859e626151c4e6a8b9d",
)
FILES = (NETWORK, PCA_PARAMETERS)


def outputs(config: VGGishConfig) -> dict[str, str]:
    """Return the shape of each array."""
    rows = "" if config.averages else "examples, "
    if not config.layers:
        return {"vggish": f"[{rows}128]"}
    return {f"layer_{i}": f"[{rows}{width}]" for i, width in enumerate((64, 128, 256, 512, 128))}


def needs(config: VGGishConfig) -> dict[str, Needed]:
    """Return the network's file, and with --postprocess the principal axes."""
    needed = {"vggish": Needed(NETWORK, config.vggish_model_path)}
    if config.postprocess:
        needed["pca"] = Needed(PCA_PARAMETERS, config.vggish_pca_path)
    return needed
