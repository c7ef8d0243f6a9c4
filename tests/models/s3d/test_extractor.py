"""Which preprocessing and which output --variant and --projected choose; with a network that shows its input."""

from types import SimpleNamespace
from typing import Any

import torch

from models.s3d.config import S3DConfig
from models.s3d.extractor import S3DExtractor
from models.s3d.preprocess import SHORTER_SIDE, to_howto100m, to_network

FRAMES = torch.randint(0, 256, (3, 299, 400, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def extractor(**flags) -> S3DExtractor:
    made = S3DExtractor.__new__(S3DExtractor)
    made.config, made.views, made.resize = S3DConfig(**flags), None, SHORTER_SIDE
    vars(made)["_network"] = lambda clips: (clips.sum((2, 3, 4)), clips.amax((2, 3, 4)))
    return made


def test_each_variant_has_its_input() -> None:
    assert torch.equal(extractor().prepare(FRAMES), to_network(FRAMES))
    assert torch.equal(extractor(signed_input=True).prepare(FRAMES), to_network(FRAMES, signed=True))
    ours = extractor(variant="howto100m").prepare(FRAMES)
    assert torch.equal(ours, to_howto100m(FRAMES)) and ours.shape == (3, 3, 224, 224)
    whole: Any = extractor()
    whole.views = SimpleNamespace()
    assert whole.prepare(FRAMES).shape == (3, 3, 223, 299)


def test_projected_rows_are_the_second_output() -> None:
    clips = torch.rand(2, 3, 4, 5, 5)
    assert torch.equal(extractor().forward({"clips": clips})["s3d"], clips.sum((2, 3, 4)))
    projected = extractor(variant="howto100m", projected=True).forward({"clips": clips})
    assert projected.keys() == {"s3d"} and torch.equal(projected["s3d"], clips.amax((2, 3, 4)))
    logits = extractor(show_pred=True).forward({"clips": clips})["logits/s3d"]
    assert torch.equal(logits, clips.amax((2, 3, 4)))
