"""VGGish (Hershey et al., ICASSP 2017, arXiv:1609.09430): log-mel examples → 128-d embeddings."""

import torch
from torch import Tensor, nn

FEATURE_SIZE = 128
CPU_EXAMPLES = 20  # at once through the convolutions: the largest map has 30 MiB, see _parts


class VGGish(nn.Module):
    """VGG of six convolutions and three dense layers, 72,141,184 parameters.

    Its tensors have the names of the torch checkpoint (harritaylor/torchvggish).
    """

    uses_winograd = True  # 1.2 times as fast (docs/performance.md)

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(1, 64),
            nn.MaxPool2d(2),
            *_convolution(64, 128),
            nn.MaxPool2d(2),
            *_convolution(128, 256),
            *_convolution(256, 256),
            nn.MaxPool2d(2),
            *_convolution(256, 512),
            *_convolution(512, 512),
            nn.MaxPool2d(2),
        )
        self.embeddings = nn.Sequential(
            nn.Linear(6 * 4 * 512, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, FEATURE_SIZE),
        )

    def forward(self, examples: Tensor) -> tuple[Tensor, Tensor]:
        """Return (embedding, pre-activation), both [N, 128]: fc2 after its ReLU and before it.

        examples: log mel, [N, 96 frames, 64 bands].
        """
        preactivation = self.embeddings(torch.cat([self._pooled(part) for part in _parts(examples)]))
        return preactivation.relu(), preactivation

    def layers(self, examples: Tensor) -> tuple[Tensor, ...]:
        """Return each pool's mean over time and bands, [N, 64], [N, 128], [N, 256], [N, 512]; embedding [N, 128].

        examples: log mel, [N, 96 frames, 64 bands].
        """
        through = [self._through(part) for part in _parts(examples)]
        means = [torch.cat(column) for column in zip(*(part[0] for part in through), strict=True)]
        return *means, self.embeddings(torch.cat([pooled for _, pooled in through])).relu()

    def _pooled(self, examples: Tensor) -> Tensor:
        """Return the map after pool4 as the checkpoints flatten it: [N, 6 frames * 4 bands * 512 channels]."""
        return _flattened(self.features(examples.unsqueeze(1)))

    def _through(self, examples: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the mean of each pool's map, [N, C] each, and what `_pooled` returns."""
        means, x = [], examples.unsqueeze(1)
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                means.append(x.mean((2, 3), dtype=torch.float32))
        return means, _flattened(x)


def _parts(examples: Tensor) -> tuple[Tensor, ...]:
    """Return the examples in the batches of the convolutions.

    Many examples at once make the dense layers faster, but not the convolutions: on a CPU, glibc maps new pages for
    each tensor over 32 MiB, which costs a tenth of their time.
    """
    return examples.split(CPU_EXAMPLES) if examples.device.type == "cpu" else (examples,)


def _flattened(pooled: Tensor) -> Tensor:
    return pooled.permute(0, 2, 3, 1).flatten(1)


def _convolution(n_in: int, n_out: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(n_in, n_out, kernel_size=3, padding=1), nn.ReLU(inplace=True)
