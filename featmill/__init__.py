"""Videos in, feature arrays out: the Python interface of Featmill.

    import featmill
    video = featmill.extract("a.mp4", "i3d", streams=["rgb"])
    video["rgb"], video.start_s, video.end_s

Importing this does not import PyTorch; the first extractor does.
"""

import random
from importlib import import_module
from typing import TYPE_CHECKING, Any

from utils.engines.environment import library_environment
from utils.errors import FeatmillError, RunError, UserError, VideoError
from utils.worker import forks  # noqa: F401 - sees forks from now on, before PyTorch is imported

if TYPE_CHECKING:
    from featmill.catalogue import models
    from featmill.extractor import Extractor, extract
    from featmill.map_batches import MapBatches
    from featmill.outputs import Outputs, load
    from featmill.text import embed_text
    from featmill.video import Video

    __version__: str

__all__ = [
    "Extractor",
    "FeatmillError",
    "MapBatches",
    "Outputs",
    "RunError",
    "UserError",
    "Video",
    "VideoError",
    "embed_text",
    "extract",
    "load",
    "models",
]

_HOMES = {
    "Extractor": "extractor",
    "MapBatches": "map_batches",
    "Outputs": "outputs",
    "Video": "video",
    "embed_text": "text",
    "extract": "extractor",
    "load": "outputs",
    "models": "catalogue",
}


if not TYPE_CHECKING:  # for type checkers, a name that is not there is an error

    def __getattr__(name: str) -> Any:
        """Import what is asked for when it is first asked for."""
        if name == "__version__":
            from utils.state.run_file import VERSION

            return VERSION
        if name not in _HOMES:
            raise AttributeError(f"module 'featmill' has no attribute {name!r}")
        drawn = random.getstate()  # rich draws a number when it is imported
        with library_environment():  # some variables count when PyTorch is first imported
            found = getattr(import_module(f"featmill.{_HOMES[name]}"), name)
        random.setstate(drawn)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
