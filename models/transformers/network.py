"""From a model of transformers to the features that the flags ask for."""

from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

from models.transformers.families import PROJECTED, Family
from models.transformers.layers import use_linear_layers
from utils.errors import UserError

TEXT_PARTS = ("text_model", "text_projection")


class FeatureNetwork(nn.Module):
    """Inputs as the processor gives them -> one tensor of features per layer.

    pool: a choice of --pool, or PROJECTED. layers: numbers of layers, [] for the end of the network.
    texts: what the text network of X-CLIP gives of labels [n, D]; then the logits [B, n] are returned, too.
    """

    def __init__(
        self, model: nn.Module, family: Family, pool: str, layers: Sequence[int], texts: Tensor | None = None
    ) -> None:
        super().__init__()
        self.family, self.pool, self.layers, self.with_logits = family, pool, tuple(layers), texts is not None
        whole = cast(Any, model)  # models of the library have no common type with these attributes
        whole = getattr(whole, family.tower) if family.tower else whole
        self.settings: Any = whole.config
        use_linear_layers(whole)
        if pool == PROJECTED:
            self.model = whole
            if texts is not None:
                whole.text_model = PooledTexts(texts)
                return
            for name in TEXT_PARTS:
                if isinstance(getattr(whole, name, None), nn.Module):
                    setattr(whole, name, None)
            return
        base = whole.base_model
        self.encoder: Any = getattr(base, family.encoder) if family.encoder else base
        # VideoMAE's classifiers normalize the mean of the tokens, and not each token
        self.norm: nn.Module | None = getattr(whole, "fc_norm", None) if pool == "mean" and not layers else None
        settings = self.encoder.config
        registers = getattr(settings, family.registers) if family.registers else 0
        self.class_tokens, self.before_patches = family.class_tokens, family.class_tokens + registers
        self.tubelet = int_setting(settings, "tubelet_size") if family.input_kind == "clip" else 1

    def forward(self, values: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
        """Return features of each row. more: CLAP's is_longer."""
        values = values.contiguous()  # clips are not [B, C, T, H, W], and some models view them
        if self.with_logits:
            found = self.model(pixel_values=values)
            return found.mit_output.pooler_output, found.logits_per_video
        if self.pool == PROJECTED:
            return (self._projected(values, *more),)
        options: dict[str, Any] = {"skip_predictor": True} if hasattr(self.encoder, "predictor") else {}
        found = self.encoder(values, output_hidden_states=bool(self.layers), **options)
        if not self.layers:
            pooled = self._pooled(found.last_hidden_state, values)
            return (self.norm(pooled) if self.norm is not None else pooled,)
        return tuple(self._pooled(found.hidden_states[layer], values) for layer in self.layers)

    def _projected(self, values: Tensor, *more: Tensor) -> Tensor:
        if self.family.projected == "video":  # what PeVideoModel's get_video_features is written to do
            return self.model.video_head(self.model.video_encoder(values).pooler_output)
        found = getattr(self.model, self.family.projected)(values, *(each > 0 for each in more))
        return (found if isinstance(found, Tensor) else found.pooler_output).flatten(1)

    def _pooled(self, tokens: Tensor, values: Tensor) -> Tensor:
        """Return tokens [B, n, D] pooled. values: the input, [B, T, 3, H, W] of clips."""
        if self.pool == "none":
            return tokens
        if self.pool == "cls":
            return tokens[:, : self.class_tokens].mean(1)
        patches = tokens[:, self.before_patches :]
        if self.pool == "mean":
            return patches.mean(1)
        if self.pool == "tokens":
            return patches
        n_times = values.shape[1] // self.tubelet if values.ndim == 5 else 1
        n_high = round((patches.shape[1] // n_times * values.shape[-2] / values.shape[-1]) ** 0.5)
        if self.family.space_first:
            patches = patches.unflatten(1, (-1, n_times)).transpose(1, 2).flatten(1, 2)
        return patches.unflatten(1, (n_times, n_high, -1)).mean(1)


class PooledTexts(nn.Module):
    """Stands in for X-CLIP's text network: gives the labels' vectors, which X-CLIP then adapts to each video."""

    def __init__(self, texts: Tensor) -> None:
        super().__init__()
        self.register_buffer("texts", texts)

    def forward(self, **_arguments: object) -> tuple[None, Tensor]:
        """Return no tokens, and the texts [n, D]."""
        return None, cast(Tensor, self.texts)


def chosen_pool(family: Family, name: str, pool: str | None, layers: Sequence[int], projected: bool) -> str:
    """Return the pooling that the flags ask of a family. name: of the model, for messages.

    Raises:
        UserError: the family does not have it.
    """
    if projected and not family.projected:
        raise UserError(f"--projected: {name} has no space that it shares with text; drop the flag")
    if pool is None and (projected or not layers):
        return PROJECTED if projected else family.pool
    if family.projected and not family.encoder:
        raise UserError(f"--pool, --layer: {name} has only its projected vector here; drop the flags")
    if layers and not family.takes_layers:
        raise UserError(f"--layer: {name} does not give its layers; drop the flag")
    chosen = pool or ("cls" if family.class_tokens else "mean")
    if chosen == "cls" and not family.class_tokens:
        raise UserError(f"--pool cls: {name} has no class token; choose mean, tokens, none or spatial")
    if chosen == "spatial" and family.input_kind == "audio":
        raise UserError(f"--pool spatial: {name} is of sound; choose mean, tokens or none")
    return chosen


def int_setting(settings: Any, name: str) -> int:
    """Return an integer of a model's configuration, the first where there is one per dimension; 1 if it has none."""
    value = getattr(settings, name, 1)
    return int(value[0] if isinstance(value, list | tuple) else value)


def check_layers(network: FeatureNetwork, layers: Sequence[int], name: str) -> None:
    """Raise UserError for a layer that the network does not have."""
    if not layers:
        return
    settings = network.encoder.config
    n_layers = int(getattr(settings, "num_hidden_layers", None) or getattr(settings, "encoder_layers", 0))
    wrong = [layer for layer in layers if layer > n_layers]
    if wrong:
        raise UserError(f"--layer {wrong[0]}: {name} has {n_layers} layers")
