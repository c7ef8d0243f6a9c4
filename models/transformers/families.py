"""The families of the library transformers that give features, and how each is asked for them. Imports no torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from utils.config.schema import did_you_mean
from utils.errors import UserError

InputKind = Literal["clip", "frame", "audio"]
PROJECTED = "projected"


@dataclass(frozen=True)
class Text:
    """How a family's texts are made into vectors, and compared with rows.

    n_tokens: at most; None: as many as the network has positions. padded: whether to that many, as in the training.
    head: attribute with the projection, "" where the model itself has get_text_features.
    scale, bias: of similarities, names of parameters, "" for none. exponential: whether the scale is exp(parameter).
    unit: whether vectors are divided by their L2 norms. exclusive: softmax over the texts, else a sigmoid of each.
    by_clip: whether each clip is compared with vectors that the model makes from both the texts and the clip.
    """

    n_tokens: int | None = None
    padded: bool = False
    head: str = ""
    scale: str = "logit_scale"
    bias: str = ""
    exponential: bool = True
    unit: bool = True
    exclusive: bool = True
    by_clip: bool = False


@dataclass(frozen=True)
class Family:
    """One family, a `model_type` of the library.

    input_kind: what the network takes for one row: a clip, a frame or audio.
    processor, model: classes of the library; the model's where config.json names none.
    inputs: name of the model's argument.
    pool: the default, a choice of --pool or PROJECTED.
    class_tokens: before those of patches. registers: the configuration's name for how many tokens follow them.
    projected: method that gives vectors of the space shared with text, "" where there is none.
    encoder: attribute of the model with the network of pictures or sound, "" for the model without its heads.
    tower: attribute of the model with all of the family that is used here, "" for the whole model.
    takes_layers: whether the encoder gives the tokens of each layer.
    fixed_frames: whether positions in time are learned, or tabled for one number of frames.
    space_first: whether the tokens of all times of a patch are neighbours, not those of all patches of a time.
    frame_interval: between the frames of a clip, as in the library's example for the family.
    window_s: seconds of sound; None where the processor says it.
    text: of families whose projected vectors are in a space shared with text.
    """

    input_kind: InputKind
    processor: str
    model: str
    inputs: str = "pixel_values"
    pool: str = "mean"
    class_tokens: int = 0
    registers: str = ""
    projected: str = ""
    encoder: str = ""
    tower: str = ""
    takes_layers: bool = True
    fixed_frames: bool = True
    space_first: bool = False
    frame_interval: int = 1
    window_s: float | None = None
    text: Text | None = None


def _joint(input_kind: InputKind, processor: str, model: str, **others: Any) -> Family:
    """Return a family whose rows are in a space shared with text, and that has no other features here."""
    return Family(input_kind, processor, model, pool=PROJECTED, takes_layers=False, **others)


def _waves(model: str) -> Family:
    """Return a family that takes samples and gives tokens of 20 ms."""
    return Family("audio", "Wav2Vec2FeatureExtractor", model, inputs="input_values", window_s=2.0)


def _of_perception_encoder(kind: str) -> Text:
    """Return how the family PE treats texts."""
    of = f"text_{kind}"
    return Text(
        512,
        head=f"{of}_head",
        scale=f"{of}_logit_scale",
        bias=f"{of}_logit_bias",
        exponential=False,
        unit=False,
        exclusive=False,
    )


VIDEOS = "pixel_values_videos"
PE_VIDEO = _joint(
    "clip",
    "PeVideoVideoProcessor",
    "PeVideoModel",
    inputs=VIDEOS,
    projected="video",
    fixed_frames=False,
    text=_of_perception_encoder("video"),
)
PE_AUDIO = _joint(
    "audio",
    "PeAudioFeatureExtractor",
    "PeAudioModel",
    inputs="input_values",
    projected="get_audio_embeds",
    window_s=10.0,
    text=_of_perception_encoder("audio"),
)
FAMILIES: dict[str, Family] = {
    "videomae": Family("clip", "VideoMAEVideoProcessor", "VideoMAEModel"),
    "timesformer": Family(
        "clip",
        "TimesformerVideoProcessor",
        "TimesformerModel",
        pool="cls",
        class_tokens=1,
        space_first=True,
        frame_interval=4,
    ),
    "vivit": Family("clip", "VivitVideoProcessor", "VivitModel", pool="cls", class_tokens=1),
    "vjepa2": Family("clip", "VJEPA2VideoProcessor", "VJEPA2Model", VIDEOS, fixed_frames=False),
    "xclip": _joint(
        "clip", "VideoMAEImageProcessor", "XCLIPModel", projected="get_video_features", text=Text(by_clip=True)
    ),
    "videoprism_vision_model": Family(
        "clip", "LlavaOnevisionVideoProcessor", "VideoPrismVisionModel", VIDEOS, takes_layers=False
    ),
    "videoprism": _joint(
        "clip",
        "LlavaOnevisionVideoProcessor",
        "VideoPrismClipModel",
        inputs=VIDEOS,
        projected="get_video_features",
        text=Text(64, padded=True, scale="", unit=False),
    ),
    "pe_video": PE_VIDEO,
    "pe_audio_video": replace(PE_VIDEO, model="PeAudioVideoModel", tower="video_model"),
    "vit": Family("frame", "ViTImageProcessor", "ViTModel", pool="cls", class_tokens=1),
    "dinov2": Family("frame", "BitImageProcessor", "Dinov2Model", pool="cls", class_tokens=1),
    "dinov2_with_registers": Family(
        "frame",
        "BitImageProcessor",
        "Dinov2WithRegistersModel",
        pool="cls",
        class_tokens=1,
        registers="num_register_tokens",
    ),
    "clip": Family(
        "frame",
        "CLIPImageProcessor",
        "CLIPModel",
        pool=PROJECTED,
        class_tokens=1,
        projected="get_image_features",
        encoder="vision_model",
        text=Text(),
    ),
    "siglip": Family(
        "frame",
        "SiglipImageProcessor",
        "SiglipModel",
        pool=PROJECTED,
        projected="get_image_features",
        encoder="vision_model",
        text=Text(padded=True, bias="logit_bias", exclusive=False),
    ),
    "clap": _joint(
        "audio",
        "ClapFeatureExtractor",
        "ClapModel",
        inputs="input_features",
        projected="get_audio_features",
        text=Text(77, scale="logit_scale_a"),
    ),
    "audio-spectrogram-transformer": Family(
        "audio", "ASTFeatureExtractor", "ASTModel", inputs="input_values", pool="cls", class_tokens=2
    ),
    "wav2vec2": _waves("Wav2Vec2Model"),
    "hubert": _waves("HubertModel"),
    "wavlm": _waves("WavLMModel"),
    "data2vec-audio": _waves("Data2VecAudioModel"),
    "whisper": Family("audio", "WhisperFeatureExtractor", "WhisperModel", inputs="input_features", encoder="encoder"),
    "pe_audio": PE_AUDIO,
}
AUDIO_TOWERS = {  # of families with two towers, whose video towers are in FAMILIES; --stream chooses
    "pe_audio_video": replace(PE_AUDIO, model="PeAudioVideoModel", tower="audio_model")
}


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what a model's config.json holds.

    Raises:
        UserError: it is missing, or is not JSON.
    """
    path = folder / "config.json"
    try:
        settings = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not the configuration of a model of transformers ({error})") from error
    if not isinstance(settings, dict):
        raise UserError(f"{path}: not the configuration of a model of transformers")
    return settings


def family_of(settings: Mapping[str, Any], name: str) -> tuple[str, Family]:
    """Return the family of a model, with its name in the library. name: of the model, for the message.

    Raises:
        UserError: it is not one of FAMILIES.
    """
    model_type = str(settings.get("model_type"))
    if model_type not in FAMILIES:
        raise UserError(
            f"--model_name {name}: is of the family {model_type!r}, which is not supported; choose a model of "
            f"{', '.join(FAMILIES)}{did_you_mean(model_type, FAMILIES)}"
        )
    return model_type, FAMILIES[model_type]
