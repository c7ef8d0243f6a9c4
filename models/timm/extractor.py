"""timm's models for the pipeline: the pooled feature before the classifier, for each frame."""

import torch
from torch import Tensor, nn

from models.timm.config import TimmConfig
from models.timm.weights import image_input, load_timm, random_timm, take_classifier
from utils.errors import UserError
from utils.extractors.base import Batch
from utils.extractors.frames import FramewiseExtractor, as_rows
from utils.nn.prepare import ComputeMode, prepare_layers


class TimmExtractor(FramewiseExtractor[TimmConfig]):
    """Features [frames, D]; D depends on the model."""

    key = "timm"
    label_set = "imagenet1k"

    def load(self) -> None:
        """Load the network and the transform that belongs to its weights."""
        path, name = self.checkpoints["timm"], self.config.model_name
        network = load_timm(path, name) if path else random_timm(name)
        classifier = take_classifier(network)
        if classifier is None and self.config.show_pred:
            raise UserError(f"--show_pred: {name} has no classifier; drop the flag")
        self.classifier = None
        if classifier is not None and self.config.show_pred:
            self.classifier = _prepared(classifier, self.device)
        self.set_image(image_input(network))
        self.network = self.prepare_network(network)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, D], and with --show_pred the logits [B, classes].

        Raises:
            UserError: the model does not pool its features into one vector.
        """
        features = as_rows(super().forward(batch)["timm"], self.config.model_name)
        outputs = {"timm": features}
        if self.classifier is not None:
            outputs["logits/timm"] = self.classifier(features)
        return outputs


def _prepared(classifier: nn.Module, device: torch.device) -> nn.Module:
    """Return a classifier on the device; on a CPU its linear layer rounds a row alike in every batch."""
    return prepare_layers(nn.Sequential(classifier), device, ComputeMode())
