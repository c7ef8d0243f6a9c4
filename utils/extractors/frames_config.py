"""The settings of image models that see one frame at a time. Imports no torch."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.errors import UserError
from utils.extractors.views_config import ViewsConfig

GROUP = "frames"


@dataclass(frozen=True)
class FramewiseConfig(ViewsConfig):
    """The flags that they share: which frames to take, and how to prepare them."""

    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    extraction_total: int | None = shared_flags.extraction_total(GROUP)
    decode: str = shared_flags.decode(GROUP)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.extraction_fps is not None and self.extraction_total is not None:
            raise UserError("--extraction_fps and --extraction_total exclude each other: drop one of them")
