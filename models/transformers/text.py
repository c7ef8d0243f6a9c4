"""Texts for models of transformers, by the library's own tokenizers and networks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.transformers.config import TransformersConfig
from models.transformers.families import Family, Text
from models.transformers.pretrained import family, fetch_tokenizer
from models.transformers.weights import import_transformers, made_model, shortened
from utils.errors import UserError
from utils.extractors.base import Checkpoints
from utils.extractors.text import Similarity

TOKENS = ("input_ids", "attention_mask")


class TransformersText:
    """The text tower and the tokenizer of one model.

    folder: the model's, of a family with texts.
    """

    def __init__(self, folder: Path, family: Family, model: nn.Module, device: torch.device) -> None:
        kind = self._kind = cast(Text, family.text)
        self._model: Any = (getattr(model, family.tower) if family.tower else model).to(device)
        self._device = device
        if not kind.head and not hasattr(model, "get_text_features"):
            raise UserError(f"{folder}: {type(model).__name__} has no text tower")
        self._tokenizer = _load_tokenizer(folder)
        positions = getattr(self._model.config.text_config, "max_position_embeddings", None)
        self._most = min(kind.n_tokens or positions, self._tokenizer.model_max_length)

    @property
    def similarity(self) -> Similarity:
        """As the model's forward compares its vectors."""
        kind, scale = self._kind, 1.0
        if kind.scale:
            parameter = getattr(self._model, kind.scale)
            scale = (parameter.exp() if kind.exponential else parameter).item()
        bias = getattr(self._model, kind.bias).item() if kind.bias else 0.0
        return Similarity(scale, bias, kind.unit, kind.exclusive)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return the model's text features, float32 [n, D]; not of length 1 unless the model makes them so."""
        tokens = self.tokens(texts)
        if not self._kind.head:
            return self._model.get_text_features(**tokens).pooler_output
        hidden = self._model.text_model(**tokens, output_hidden_states=True).hidden_states
        return getattr(self._model, self._kind.head)(hidden[-1][:, 0])

    def pooled(self, texts: Sequence[str]) -> Tensor:
        """Return what the text network gives before the projection, float32 [n, D]."""
        return self._model.text_model(**self.tokens(texts)).pooler_output

    def tokens(self, texts: Sequence[str]) -> Mapping[str, Tensor]:
        """Return the arguments of the text network. Longer texts are cut."""
        padding = "max_length" if self._kind.padded else True
        found = self._tokenizer(
            list(texts), padding=padding, truncation=True, max_length=self._most, return_tensors="pt"
        )
        return {name: found[name].to(self._device) for name in TOKENS if name in found}


def load_text(config: TransformersConfig, checkpoints: Checkpoints, device: torch.device) -> TransformersText:
    """Return the text tower of a configuration that has one.

    Raises:
        UserError: the model cannot be loaded, or has no tokenizer.
    """
    folder = cast(Path, checkpoints["config"]).parent
    return text_of(made_model(folder, checkpoints["transformers"]), folder, config, device)


def text_of(model: nn.Module, folder: Path, config: TransformersConfig, device: torch.device) -> TransformersText:
    """Return the text tower of a model that is loaded, in float32.

    Raises:
        UserError: the model has no tokenizer.
    """
    fetch_tokenizer(folder, config)
    return TransformersText(folder, family(config)[1], model, device)


def _load_tokenizer(folder: Path) -> Any:
    try:
        return import_transformers().AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, TypeError, LookupError, ImportError) as error:
        raise UserError(f"{folder}: has no tokenizer that transformers can load ({shortened(error)})") from error
