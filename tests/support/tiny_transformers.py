"""Tiny models of the library transformers, saved with their processors as a repository of the hub would hold them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as t
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers.utils.logging import disable_progress_bar

from utils.weights.seeded import fill_random

Settings = dict[str, Any]
SMALL: Settings = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
VISION: Settings = SMALL | {"image_size": 16, "patch_size": 8}
WORDS: Settings = SMALL | {"vocab_size": 20}
CAUSAL_WORDS: Settings = WORDS | {"eos_token_id": 3}  # of networks that pool there
THREE_CLASSES: Settings = {"num_labels": 3}  # a flag of every configuration, which their signatures leave out
SMALL_RATIO: Settings = VISION | {"mlp_ratio": 1}
CROP: Settings = {"size": {"shortest_edge": 20}, "crop_size": {"height": 16, "width": 16}}
SQUARE: Settings = {"size": {"height": 16, "width": 16}}
WAVES: Settings = SMALL | {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
Made = tuple[Any, Any]  # model and processor


def save(family: str, folder: Path) -> Made:
    """Write the tiny model of a family to a folder, with seeded weights; return it with its processor."""
    disable_progress_bar()
    model, processor = MAKERS[family]()
    fill_random(model)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def save_tokenizer(folder: Path) -> Any:
    """Write a tokenizer of a few words to a folder, with tokens at the start, the end and for padding; return it."""
    words = (
        "<pad>",
        "<s>",
        "<unk>",
        "</s>",
        *["a", "dog", "runs", "cat", "sleeps", "on", "the", "mat", "and", "jumps"],
    )
    inner = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = Whitespace()
    inner.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 3)])
    marks = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = t.PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=64, **marks)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _videomae() -> Made:
    config = t.VideoMAEConfig(**VISION, num_frames=4, **THREE_CLASSES)
    return t.VideoMAEForVideoClassification(config), t.VideoMAEVideoProcessor(**CROP)


def _timesformer() -> Made:
    return t.TimesformerModel(t.TimesformerConfig(**VISION, num_frames=3)), t.TimesformerVideoProcessor(**CROP)


def _vivit() -> Made:
    config = t.VivitConfig(**SMALL, image_size=16, tubelet_size=[2, 8, 8], num_frames=4, **THREE_CLASSES)
    return t.VivitForVideoClassification(config), t.VivitVideoProcessor(**CROP)


def _vjepa2() -> Made:
    config = t.VJEPA2Config(
        crop_size=16,
        patch_size=8,
        frames_per_clip=4,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=1.0,
        pred_hidden_size=24,
        pred_num_attention_heads=2,
        pred_num_hidden_layers=1,
        pred_num_mask_tokens=2,
    )
    return t.VJEPA2Model(config), t.VJEPA2VideoProcessor(crop_size=16)


def _xclip() -> Made:
    vision = VISION | {
        "num_frames": 4,
        "mit_hidden_size": 16,
        "mit_intermediate_size": 16,
        "mit_num_attention_heads": 2,
    }
    vision |= {"mit_num_hidden_layers": 1}
    config = t.XCLIPConfig(
        text_config=CAUSAL_WORDS,
        vision_config=vision,
        projection_dim=16,
        prompt_layers=1,
        prompt_num_attention_heads=2,
        prompt_hidden_act="gelu",
    )
    return t.XCLIPModel(config), t.VideoMAEImageProcessor(**CROP)


PRISM: Settings = {
    "image_size": 16,
    "tubelet_size": [1, 8, 8],
    "num_frames": 4,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "num_spatial_layers": 1,
    "num_temporal_layers": 1,
    "num_auxiliary_layers": 1,
}
PRISM_INPUT: Settings = SQUARE | {"do_normalize": False}


def _videoprism_vision_model() -> Made:
    config = t.VideoPrismVisionConfig(**PRISM)
    return t.VideoPrismVisionModel(config), t.LlavaOnevisionVideoProcessor(**PRISM_INPUT)


def _videoprism() -> Made:
    config = t.VideoPrismConfig(text_config=WORDS, vision_config=PRISM)
    return t.VideoPrismClipModel(config), t.LlavaOnevisionVideoProcessor(**PRISM_INPUT)


PE_TEXT: Settings = WORDS | {"model_type": "modernbert", "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
PE_TEXT |= {"cls_token_id": 1, "sep_token_id": 2}
HALF = [0.5, 0.5, 0.5]
PE_INPUT: Settings = {"size": {"height": 32, "width": 32}, "image_mean": HALF, "image_std": HALF}
PE_INPUT |= {"do_resize": True, "do_rescale": True, "do_normalize": True}
PE: Settings = SMALL | {"head_dim": 8}


def _pe_video() -> Made:
    vision = {"model_type": "timm_wrapper", "architecture": "test_vit", "num_classes": 8, "do_pooling": True}
    vision |= {"global_pool": "avg", "model_args": {"img_size": 32}}
    config = t.PeVideoConfig(text_config=PE_TEXT, video_config=PE | {"vision_config": vision})
    return t.PeVideoModel(config), t.PeVideoVideoProcessor(**PE_INPUT)


def _pe_audio_video() -> Made:
    encoders = {"audio_config": _pe_audio()[0].config.audio_config, "video_config": _pe_video()[0].config.video_config}
    config = t.PeAudioVideoConfig(text_config=PE_TEXT, audio_video_config=PE | encoders)
    return t.PeAudioVideoModel(config), _Both()


class _Both:
    """The processors of both towers; the library's PeAudioVideoProcessor would want a tokenizer."""

    def __init__(self) -> None:
        self.video, self.audio = t.PeVideoVideoProcessor(**PE_INPUT), t.PeAudioFeatureExtractor()

    def save_pretrained(self, folder: Path) -> None:
        """Write both to a folder."""
        self.video.save_pretrained(folder)
        self.audio.save_pretrained(folder)


def _vit() -> Made:
    return t.ViTForImageClassification(t.ViTConfig(**VISION, **THREE_CLASSES)), t.ViTImageProcessor(**SQUARE)


def _dinov2() -> Made:
    return t.Dinov2Model(t.Dinov2Config(**SMALL_RATIO)), t.BitImageProcessor(**CROP)


def _dinov2_with_registers() -> Made:
    config = t.Dinov2WithRegistersConfig(**SMALL_RATIO, num_register_tokens=2)
    return t.Dinov2WithRegistersModel(config), t.BitImageProcessor(**CROP)


def _clip() -> Made:
    config = t.CLIPConfig(text_config=CAUSAL_WORDS, vision_config=VISION, projection_dim=12)
    return t.CLIPModel(config), t.CLIPImageProcessor(**CROP)


def _siglip() -> Made:
    return t.SiglipModel(t.SiglipConfig(text_config=WORDS, vision_config=VISION)), t.SiglipImageProcessor(**SQUARE)


def _clap() -> Made:
    audio = {
        "num_mel_bins": 16,
        "spec_size": 64,
        "patch_size": 4,
        "patch_stride": 4,
        "window_size": 4,
        "hidden_size": 32,
        "patch_embeds_hidden_size": 16,
        "projection_dim": 12,
        "depths": [1, 1],
        "num_attention_heads": [2, 2],
        "num_hidden_layers": 2,
        "enable_fusion": False,
    }
    config = t.ClapConfig(audio_config=audio, text_config=WORDS, projection_dim=12)
    processor = t.ClapFeatureExtractor(feature_size=16, max_length_s=1, truncation="rand_trunc")
    return t.ClapModel(config), processor


def _ast() -> Made:
    config = t.ASTConfig(**SMALL, patch_size=8, max_length=64, num_mel_bins=16, frequency_stride=8, time_stride=8)
    return t.ASTForAudioClassification(config), t.ASTFeatureExtractor(num_mel_bins=16, max_length=64)


def _waves(model: Callable[[Any], torch.nn.Module], config: Callable[..., Any], **others: Any) -> Made:
    return model(config(**WAVES | others)), t.Wav2Vec2FeatureExtractor()


def _whisper() -> Made:
    layers: Settings = {
        f"{part}_{what}": 2 for part in ("encoder", "decoder") for what in ("layers", "attention_heads")
    }
    config = t.WhisperConfig(
        d_model=16,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_mel_bins=16,
        max_source_positions=50,
        vocab_size=20,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        **layers,
    )
    return t.WhisperForConditionalGeneration(config), t.WhisperFeatureExtractor(feature_size=16, chunk_length=1)


def _pe_audio() -> Made:
    dac = {"encoder_hidden_size": 8, "downsampling_ratios": [8, 8, 6, 5], "codebook_dim": 8, "hidden_size": 128}
    config = t.PeAudioConfig(text_config=PE_TEXT, audio_config=PE | {"dac_config": dac})
    return t.PeAudioModel(config), t.PeAudioFeatureExtractor()


MAKERS: dict[str, Callable[[], Made]] = {
    "videomae": _videomae,
    "timesformer": _timesformer,
    "vivit": _vivit,
    "vjepa2": _vjepa2,
    "xclip": _xclip,
    "videoprism_vision_model": _videoprism_vision_model,
    "videoprism": _videoprism,
    "pe_video": _pe_video,
    "pe_audio_video": _pe_audio_video,
    "vit": _vit,
    "dinov2": _dinov2,
    "dinov2_with_registers": _dinov2_with_registers,
    "clip": _clip,
    "siglip": _siglip,
    "clap": _clap,
    "audio-spectrogram-transformer": _ast,
    "wav2vec2": lambda: _waves(t.Wav2Vec2ForCTC, t.Wav2Vec2Config, vocab_size=5),
    "hubert": lambda: _waves(t.HubertModel, t.HubertConfig),
    "wavlm": lambda: _waves(t.WavLMModel, t.WavLMConfig),
    "data2vec-audio": lambda: _waves(t.Data2VecAudioModel, t.Data2VecAudioConfig, conv_pos_kernel_size=5),
    "whisper": _whisper,
    "pe_audio": _pe_audio,
}
