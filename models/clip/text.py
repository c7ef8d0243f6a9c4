"""Text towers: open_clip's networks and tokenizers, without the image towers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.clip.config import CLIPConfig
from models.clip.tower import PREFIX, import_open_clip, model_settings, needs_quick_gelu
from utils.errors import UserError
from utils.extractors.base import Checkpoints
from utils.extractors.text import Similarity
from utils.weights.checkpoint import load_strict, read_tensors
from utils.weights.hub import hub_folder
from utils.weights.seeded import draw, fill_random

TEXT_PREFIX = "text."  # of the tensors of towers that are modules of their own
OTHERS = (PREFIX, "text_decoder.", "logit_", "input_resolution", "context_length", "vocab_size")
POSITIONS = "transformer.embeddings.position_ids"  # in files older than transformers 4.31
SCALE, BIAS = "logit_scale", "logit_bias"
TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "*.model", "vocab*", "merges.txt")


class CLIPText:
    """The text tower and the tokenizer of one network.

    tensors: of the checkpoint, or seeded ones of the same names.
    """

    def __init__(self, config: CLIPConfig, path: Path | None, device: torch.device) -> None:
        name, tag = config.open_clip_name
        self._settings, self._config, self._path, self._device = model_settings(name), config, path, device
        tower = _build(name, self._settings, needs_quick_gelu(name, tag, self._settings))
        if path is None:
            self._scales = {key: torch.from_numpy(draw(key, ())) for key in (SCALE, BIAS)}
            fill_random(nn.ModuleDict({"text": tower}) if _is_apart(self._settings) else tower)
        else:
            tensors = read_tensors(path)
            self._scales = {key: tensors[key].float() for key in (SCALE, BIAS) if key in tensors}
            load_strict(tower, _own(tensors, path), path)
        self._tower = tower.eval().to(device)
        self._tokenize = _tokenizer(name, self._settings, path)

    @property
    def similarity(self) -> Similarity:
        """open_clip's get_logits; with a bias, as in SigLIP's networks, each text's probability is a sigmoid.

        Raises:
            UserError: the checkpoint has no scale.
        """
        if SCALE not in self._scales:
            raise UserError(f"{self._path}: has no {SCALE}, which --show_pred needs")
        has_bias = "init_logit_bias" in self._settings
        bias = self._scales[BIAS].item() if has_bias and BIAS in self._scales else 0.0
        return Similarity(self._scales[SCALE].exp().item(), bias, exclusive=not has_bias)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return open_clip's encode_text, float32 [n, D]; with --normalize of length 1, as the rows are."""
        outputs = self._tower(self._tokenize(list(texts)).to(self._device))
        vectors = outputs[0] if isinstance(outputs, tuple) else outputs  # CoCa's towers also return their tokens
        return F.normalize(vectors, dim=-1) if self._config.normalize else vectors


def load_text(config: CLIPConfig, checkpoints: Checkpoints, device: torch.device) -> CLIPText:
    """Return the text tower of a configuration.

    Raises:
        UserError: the checkpoint has none or is of another network, or the tokenizer cannot be downloaded.
    """
    return CLIPText(config, checkpoints["clip"], device)


def _is_apart(settings: dict[str, Any]) -> bool:
    """Return whether the network's text tower is a separate module, so that its tensors have TEXT_PREFIX."""
    return bool(settings.get("custom_text") or settings["text_cfg"].get("hf_model_name"))


def _build(model_name: str, settings: dict[str, Any], quick_gelu: bool) -> nn.Module:
    text = {**settings["text_cfg"], "hf_model_pretrained": False}
    try:
        return import_open_clip().model._build_text_tower(settings["embed_dim"], text, quick_gelu)
    except (OSError, RuntimeError, ImportError) as error:  # towers of transformers, whose configuration is on the hub
        raise UserError(
            f"--model_name {model_name}: its text tower needs {text.get('hf_model_name')} of transformers ({error})"
        ) from error


def _own(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the tensors of the text tower, under the tower's own names."""
    found = {name.removeprefix(TEXT_PREFIX): each for name, each in tensors.items() if name.startswith(TEXT_PREFIX)}
    if not found:
        found = {name: each for name, each in tensors.items() if not name.startswith(OTHERS)}
    if not found:
        raise UserError(f"{path}: has no text tower, only an image tower")
    found.pop(POSITIONS, None)
    return found


def _tokenizer(model_name: str, settings: dict[str, Any], path: Path | None) -> Any:
    """Return the network's tokenizer: in open_clip, beside the checkpoint, or in the Hugging Face hub's cache."""
    open_clip, text = import_open_clip(), settings["text_cfg"]
    repository = text.get("hf_tokenizer_name")
    if not repository:
        return open_clip.get_tokenizer(model_name)
    folder = path.parent if path is not None and (path.parent / "tokenizer.json").is_file() else None
    folder = folder or hub_folder(repository, None, TOKENIZER_FILES, cached=True)
    if folder is None or not any(folder.glob("tokenizer*")):
        folder = hub_folder(repository, None, TOKENIZER_FILES)
    try:
        return open_clip.tokenizer.HFTokenizer(
            str(folder),
            context_length=text.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH),
            tokenizer_mode=text.get("tokenizer_mode"),
            **text.get("tokenizer_kwargs", {}),
        )
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{folder}: no tokenizer for {model_name} ({error})") from error
