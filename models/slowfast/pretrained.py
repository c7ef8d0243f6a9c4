"""The published files of SlowFast, and those that a configuration needs. Imports no torch."""

from models.slowfast.config import SlowFastConfig
from utils.weights.pretrained import Needed, Published

LICENCE = (
    "No licence stated for the weights. They come from facebookresearch/{} (Apache-2.0); the videos of "
    "Kinetics-400 have separate terms."
)

PYTORCHVIDEO = Published(
    name="SLOWFAST_8x8_R50.pyth",
    url="https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/SLOWFAST_8x8_R50.pyth",
    licence=LICENCE.format("pytorchvideo"),
    source="https://github.com/facebookresearch/pytorchvideo",
    megabytes=139,
)
R101 = Published(
    name="SLOWFAST_8x8_R101.pyth",
    url="https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/SLOWFAST_8x8_R101.pyth",
    licence=LICENCE.format("pytorchvideo"),
    source="https://github.com/facebookresearch/pytorchvideo",
    megabytes=252,
)
CAFFE2 = Published(  # the file that ACAV100M and HERO_Video_Feature_Extractor use
    name="SLOWFAST_8x8_R50.pkl",
    url="https://dl.fbaipublicfiles.com/pyslowfast/model_zoo/kinetics400/SLOWFAST_8x8_R50.pkl",
    licence=LICENCE.format("SlowFast"),
    source="https://github.com/facebookresearch/SlowFast",
    megabytes=139,
)
FILES = (PYTORCHVIDEO, R101, CAFFE2)


def outputs(config: SlowFastConfig) -> dict[str, str]:
    """Return the shape of each array."""
    if not config.layers:
        return {"slowfast": "[clips, 2304]"}
    return {f"layer_{i}": f"[clips, {width}]" for i, width in enumerate((88, 352, 704, 1408, 2304))}


def needs(config: SlowFastConfig) -> dict[str, Needed]:
    """Return the network's file."""
    published = CAFFE2 if config.preset == "hero" else PYTORCHVIDEO
    return {"slowfast": Needed(R101 if config.depth == "101" else published, config.checkpoint)}
