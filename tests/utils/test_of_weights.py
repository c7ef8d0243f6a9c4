import gc
import weakref

import torch

from utils.of_weights import OfWeights


def test_made_once_and_anew_when_the_weight_changes():
    doubled, weight = OfWeights(), torch.ones(3)
    first = doubled.get(weight, lambda plain: plain * 2)
    assert doubled.get(weight, lambda plain: plain * 2) is first
    weight.add_(1)
    assert doubled.get(weight, lambda plain: plain * 2).tolist() == [4, 4, 4]


def test_what_is_made_in_inference_mode_tells_when_it_changes():
    doubled, again, weight = OfWeights(), OfWeights(), torch.nn.Parameter(torch.ones(3))
    with torch.inference_mode():
        made = doubled.get(weight, lambda plain: plain * 2)
        assert not made.is_inference()
        assert again.get(made, lambda plain: plain * 2).tolist() == [4, 4, 4]


def test_it_goes_with_its_weight():
    doubled, weight = OfWeights(), torch.ones(3)
    made = weakref.ref(doubled.get(weight, lambda plain: plain * 2))
    assert made() is not None
    del weight
    gc.collect()
    assert made() is None
