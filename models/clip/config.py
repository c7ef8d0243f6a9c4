"""The settings of CLIP."""

from dataclasses import dataclass

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.frames_config import FramewiseConfig

GROUP = "clip"
OPENAI = "openai"  # the tag that open_clip gives OpenAI's weights
OPENAI_MODELS = {  # OpenAI's name → open_clip's name for that network
    "ViT-B/32": "ViT-B-32",
    "ViT-B/16": "ViT-B-16",
    "ViT-L/14": "ViT-L-14",
    "ViT-L/14@336px": "ViT-L-14-336",
    "RN50": "RN50",
    "RN101": "RN101",
    "RN50x4": "RN50x4",
    "RN50x16": "RN50x16",
    "RN50x64": "RN50x64",
}


@dataclass(frozen=True)
class CLIPConfig(FramewiseConfig):
    """The flags of `--feature_type clip`."""

    model_name: str = flag(
        "ViT-B/32",
        f"network: OpenAI's {', '.join(OPENAI_MODELS)}, or with --pretrained any network of open_clip",
        group=GROUP,
        metavar="NAME",
    )
    pretrained: str | None = flag(
        None,
        "open_clip's tag of the weights, e.g. webli for ViT-B-16-SigLIP2 (default: OpenAI's weights)",
        group=GROUP,
        metavar="TAG",
    )
    preset: str | None = flag(
        None,
        "published tool to follow. hero: HERO_Video_Feature_Extractor, as for QVHighlights: a video shorter than "
        "1 / --extraction_fps + 0.1 seconds has 2 / max(int(seconds), 1) frames per second instead",
        group=GROUP,
        choices=("hero",),
        added_later=True,
    )
    clip_len: float | None = flag(
        None,
        "seconds of a clip, to save the mean of its frames instead of a row per frame",
        group=GROUP,
        above=0,
        at_most=3600,
        note="seconds",
        metavar="SECONDS",
    )
    normalize: bool = flag(False, "divide each saved row by its L2 norm", group=GROUP)
    show_pred: bool | str = shared_flags.show_labels(GROUP)
    checkpoint: str | None = flag(
        None,
        "file with the network's weights, such as fine-tuned ones: state dict, OpenAI's archive or safetensors",
        group=GROUP,
        shapes_output=False,
        metavar="FILE",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        shared_flags.check_labels(self.show_pred)
        if not self.model_name:
            raise UserError(f"--model_name is empty; choose from {', '.join(OPENAI_MODELS)}, or a network of open_clip")
        if self.preset == "hero" and (self.extraction_fps is None or self.has_windows or self.clip_len):
            raise UserError("--preset hero is for a row per frame: add --extraction_fps, drop windows and clips")
        if self.clip_len is not None and (self.extraction_total is not None or self.has_windows):
            other = "--stack_size or --window_s" if self.has_windows else "--extraction_total"
            raise UserError(f"--clip_len and {other} exclude each other: drop one of them")

    @property
    def openai_name(self) -> str | None:
        """OpenAI's name of the network, if its weights are OpenAI's; the flag may have open_clip's name."""
        if self.pretrained not in (None, OPENAI):
            return None
        if self.model_name in OPENAI_MODELS:
            return self.model_name
        spelled = self.model_name.removesuffix("-quickgelu")
        found = [name for name, other in OPENAI_MODELS.items() if other == spelled]
        return found[0] if found and self.pretrained == OPENAI else None

    @property
    def open_clip_name(self) -> tuple[str, str | None]:
        """open_clip's name of the network, and the tag of its weights if one was given."""
        if self.openai_name:
            return OPENAI_MODELS[self.openai_name], OPENAI
        return self.model_name.replace("/", "-"), self.pretrained
