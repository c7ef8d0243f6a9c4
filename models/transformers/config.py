"""The settings of models of the library transformers."""

from dataclasses import dataclass, replace
from typing import cast

from utils.config import shared_flags
from utils.config.schema import flag
from utils.errors import UserError
from utils.extractors.views_config import ViewsConfig
from utils.media.audio_rules import LIBROSA, AudioClock, AudioRules

GROUP = "transformers"
POOLS = ("mean", "cls", "tokens", "none", "spatial")


@dataclass(frozen=True)
class TransformersConfig(ViewsConfig):
    """The flags of `--feature_type transformers`."""

    model_name: str = flag(
        "",
        "repository of the Hugging Face hub, e.g. MCG-NJU/videomae-base, also as REPO@REVISION, or folder with "
        "config.json, weights and processor",
        group=GROUP,
        metavar="REPO_OR_FOLDER",
    )
    revision: str | None = flag(
        None,
        "branch, tag or commit of the repository (default: the one in the hub's cache, else main)",
        group=GROUP,
        shapes_output=False,  # the commit is recorded
        metavar="REVISION",
    )
    stream: str | None = flag(
        None,
        "for models with a tower for pictures and one for sound (pe_audio_video): which one to run; their vectors "
        "share a space",
        group=GROUP,
        choices=("video", "audio"),
        added_later=True,
    )
    pool: str | None = flag(
        None,
        "mean or cls: one vector, the mean of the patches' tokens or the class token; tokens: those of patches; none: "
        "all tokens; spatial: those of patches [h, w, D], averaged over time (default: the family's)",
        group=GROUP,
        choices=POOLS,
    )
    projected: bool = flag(
        False,
        "the vector in the space shared with text; some families give it without the flag",
        group=GROUP,
    )
    layer: list[int] = flag(
        [],
        "features after these layers, each in its own array layer_N, instead of after the last; 0: before the first",
        group=GROUP,
        at_least=0,
    )
    show_pred: bool | str = shared_flags.show_labels(GROUP)
    extraction_fps: float | None = shared_flags.extraction_fps(GROUP)
    stack_size: int | None = shared_flags.stack_size(
        GROUP, None, "frames that the network sees at once (default: the model's own)"
    )
    frame_interval: int | None = shared_flags.frame_interval(GROUP, None, " (default: the family's)")
    step_size: int | None = shared_flags.step_size(GROUP, None, " (default: windows back to back)")
    short_video: str = shared_flags.short_video(GROUP)
    tail: str = shared_flags.tail(GROUP)
    window_s: float | None = shared_flags.window_s(
        GROUP,
        None,
        0.2,
        " (default: the model's own), or of frames, of which --frame_choice says what the network sees",
    )
    hop_s: float | None = shared_flags.hop_s(GROUP, "(default: windows back to back)")
    step_s: float | None = shared_flags.step_s(GROUP)
    frame_choice: str = shared_flags.frame_choice(GROUP)
    align_rows: str = shared_flags.align_rows(GROUP, "the hop", "zeros, or the first or the last frame, stand")
    sound_clock: str = shared_flags.sound_clock(GROUP)

    def __post_init__(self) -> None:
        super().__post_init__()
        shared_flags.check_labels(self.show_pred)
        shared_flags.check_align_rows(self.align_rows, self.tail)
        shared_flags.check_seconds(self, shared_flags.SECONDS_OR_FRAMES[1:])  # --stack_size is what the network sees
        if self.frame_interval and self.window_s:
            raise UserError("--frame_interval and --window_s both say which frames the network sees: drop one of them")
        if not self.model_name:
            raise UserError("--model_name is missing: a repository of the Hugging Face hub, or a folder")
        if self.revision and "@" in self.model_name:
            raise UserError(f"--revision: {self.model_name} names one after the @; drop one of them")
        if len(set(self.layer)) < len(self.layer):
            raise UserError(f"--layer names a layer twice: {' '.join(map(str, self.layer))}")
        if self.projected and (self.pool or self.layer):
            raise UserError("--projected excludes --pool and --layer: drop one of them")

    @property
    def repository(self) -> tuple[str, str | None]:
        """The name of a repository, and its branch, tag or commit; None where none is named."""
        name, _, revision = self.model_name.partition("@")
        return name, revision or self.revision

    @property
    def audio_rules(self) -> AudioRules:
        """As librosa reads files, on the chosen clock."""
        return replace(LIBROSA, clock=cast(AudioClock, self.sound_clock))


def keys_of(config: TransformersConfig) -> tuple[str, ...]:
    """Return the names of the outputs."""
    return tuple(f"layer_{layer}" for layer in config.layer) or ("transformers",)
