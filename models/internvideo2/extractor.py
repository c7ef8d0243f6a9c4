"""InternVideo2 for the pipeline: a feature per window of frames, of which the network sees some."""

from torch import Tensor, nn

from models.internvideo2.config import InternVideo2Config
from models.internvideo2.preprocess import SQUASHED, network_input, resized
from models.internvideo2.weights import load_internvideo2, random_internvideo2
from utils.errors import UserError
from utils.extractors.base import Batch
from utils.extractors.stacks import StackExtractor
from utils.extractors.views_config import Resize
from utils.nn.vision_transformer import SIDE


class InternVideo2Extractor(StackExtractor[InternVideo2Config]):
    """Features [windows, 384 to 1408], or [windows, 768] with --pool attention."""

    key = "internvideo2"
    side = SIDE
    own_resize = Resize(size=SQUASHED)
    float32_parts = ()

    def load_network(self) -> nn.Module:
        """Return the network of --model_name."""
        path, config = self.checkpoints["internvideo2"], self.config
        if path is None:
            return random_internvideo2(config.size, config.n_seen(), config.gelu, config.pool)
        network = load_internvideo2(path, config.size, config.n_seen(), config.gelu, config.pool, self.compute.dtype)
        if config.show_pred and network.head is None:
            raise UserError(f"{path}: has no classifier, so --show_pred has no classes to print; drop it")
        return network

    def prepare(self, frames: Tensor) -> Tensor:
        """Return frames at the network's size, uint8 [n, 224, 224, 3], or whole for views."""
        return resized(frames, self.resized_size(frames), crop=self.views is None)

    def window(self, frames: Tensor, pairs: Tensor | None) -> Batch:
        """Return the frames that the network sees as "clips", uint8 [num_frames, 224, 224, 3]."""
        return {"clips": self.seen(frames)}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, D], and with --show_pred the logits of the classes [B, classes]."""
        return super().forward({"clips": network_input(batch["clips"], self.compute.dtype)})
