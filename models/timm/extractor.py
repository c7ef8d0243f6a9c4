"""timm's models for the pipeline: the pooled vector before the classifier, for each frame."""

from torch import Tensor

from models.timm.config import TimmConfig
from models.timm.weights import image_input, load_timm, random_timm
from utils.extractor import Batch
from utils.framewise import FramewiseExtractor, as_rows, on_device


class TimmExtractor(FramewiseExtractor):
    """Features [frames, D], D being the model's own."""

    config: TimmConfig
    key = "timm"

    def load(self) -> None:
        """Load the network and the transform that belongs to its weights."""
        path, name = self.checkpoints["timm"], self.config.model_name
        network = load_timm(path, name) if path else random_timm(name)
        self.image, self.network = image_input(network), on_device(network, self.device)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, D].

        Raises:
            UserError: the model does not pool its features into one vector.
        """
        return {"timm": as_rows(super().forward(batch)["timm"], self.config.model_name)}
