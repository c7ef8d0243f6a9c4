"""ResNet for the pipeline: the input of the classifier, for each frame."""

from torch import Tensor, nn

from models.resnet.config import ResNetConfig
from models.resnet.weights import load_resnet, random_resnet
from utils.extractors.base import Batch
from utils.extractors.frames import FramewiseExtractor
from utils.transforms.image_input import ImageInput

INPUT = ImageInput(size=(224, 224), resize=(256, 256))  # the transform of torchvision's IMAGENET1K_V1 weights


class ResNetExtractor(FramewiseExtractor[ResNetConfig]):
    """Features [frames, 2048], or 512 of ResNet-18 and 34."""

    key = "resnet"
    label_set = "imagenet1k"

    def load(self) -> None:
        """Load the network, and its classifier separately."""
        path = self.checkpoints["resnet"]
        name = self.config.model_name
        network = load_resnet(path, name) if path else random_resnet(name)
        self.classifier = network.fc.to(self.device)
        network.add_module("fc", nn.Identity())
        self.set_image(INPUT)
        self.network = self.prepare_network(network, float32_parts=("avgpool",))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return features [B, 512 or 2048], and with --show_pred the logits [B, classes]."""
        outputs = super().forward(batch)
        if self.config.show_pred:
            outputs["logits/resnet"] = self.classifier(outputs["resnet"])
        return outputs
