"""The settings that feature types of optical flow share. Imports no torch."""

from dataclasses import dataclass
from typing import ClassVar

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.views_config import ResizeConfig

GROUP = "flow"


@dataclass(frozen=True)
class FlowConfig(ResizeConfig):
    """The flags of a feature type that saves flow. streamed: its rows are too large for memory."""

    streamed: ClassVar[bool] = True

    side_size: int | None = flag(
        None,
        "pixels of the frame's shorter side before the network (default: not resized)",
        group=GROUP,
        at_least=1,
        note="pixel",
        metavar="PIXELS",
    )
    resize_to_larger_edge: bool = flag(False, "--side_size is the longer side instead", group=GROUP)
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    decode: str = shared_flags.decode_unresized(GROUP)
    flow_dtype: str = flag(
        "float32",
        "type of the saved flow; float16 takes half the disk and is exact to 1/2048 of a displacement",
        group=GROUP,
        choices=("float16", "float32"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resize is not None and self.side_size is not None:
            raise UserError("--resize and --side_size exclude each other: drop one of them")
        if self.resize_to_larger_edge and self.side_size is None:
            raise UserError("--resize_to_larger_edge changes the meaning of --side_size: add that, or drop the flag")
