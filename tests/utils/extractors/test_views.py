"""Views of frames: what windows and networks make of each."""

import pytest
import torch
from support.golden import moving_frames

from utils.errors import UserError, VideoError
from utils.extractors.views import Views, views_of
from utils.extractors.views_config import ViewsConfig
from utils.transforms.crops import CROPS

FIVE = Views(CROPS["torchvision"]["5-crop"], 32)


def test_flow_is_cut_as_frames_are():
    frames = torch.from_numpy(moving_frames(3, 3, 40, 50))
    flow = torch.arange(2 * 2 * 40 * 50).view(2, 2, 40, 50)

    def window(frames: torch.Tensor, pairs: torch.Tensor | None) -> dict[str, torch.Tensor]:
        assert pairs is not None
        return {"f": frames[:-1], "p": pairs}

    made = Views(CROPS["torchvision"]["10-crop"], 32).of_each(window, frames, flow)
    assert made["f"].shape == (10, 2, 32, 32, 3) and made["p"].shape == (10, 2, 2, 32, 32)
    assert torch.equal(made["f"][1], frames[:-1, :32, 18:]) and torch.equal(made["p"][1], flow[..., :32, 18:])
    assert torch.equal(made["p"][5], flow.flip(-1)[..., :32, :32])  # the sign stays
    with pytest.raises(VideoError, match=r"frames of 30x40 pixels are smaller than the 32x32 .* --resize short:32"):
        FIVE.of_each(lambda f, _: {"f": f}, torch.zeros(2, 40, 30, 3), None)


def test_views_in_one_batch_give_what_they_give_one_by_one():
    weights, batches = torch.rand(12, 3), []

    def network(batch):
        batches.append(len(batch["x"]))
        rows = batch["x"].flatten(1) @ weights
        return {"rows": rows, "logits/rows": 2 * rows}

    batch = {"x": torch.rand(2, 5, 4, 3)}
    expected, found = (FIVE.forward(network, one_by_one)(batch) for one_by_one in (True, False))
    assert batches == [2, 2, 2, 2, 2, 10]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found["rows"][1, 3], batch["x"][1, 3].flatten() @ weights)
    torch.testing.assert_close(found["logits/rows"], 2 * found["rows"].mean(1))


def test_what_cannot_be_cropped_is_refused():
    ten = ViewsConfig(crop_type="10-crop")
    with pytest.raises(UserError, match=r"squashed to the 224x224 .* add --resize"):
        views_of(ten, (224, 224), (224, 224))
    with pytest.raises(UserError, match="crops are squares, and this network sees 320x224"):
        views_of(ten, (224, 320), None)
