import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error, seeded_arrays

from models.vggish.config import VGGishConfig
from models.vggish.extractor import LAYERS, VGGishExtractor
from models.vggish.network import CPU_EXAMPLES, VGGish
from models.vggish.weights import from_tensorflow
from utils.errors import UserError
from utils.nn.skip_init import SkipInit

SIZES = (64, 128, 256, 512, 128)


def test_layers_equal_those_of_acav100m():
    arrays, _ = case("vggish_layers", "case_layers")
    with SkipInit():
        network = VGGish().eval().to(DEVICE)
    network.load_state_dict(from_tensorflow(seeded_arrays("vggish", "keys_tf.json", "tf")))
    with torch.inference_mode():
        rows = [network.layers(torch.from_numpy(clip).to(DEVICE)) for clip in arrays["input"]]
    extractor = VGGishExtractor.__new__(VGGishExtractor)
    extractor.config = VGGishConfig(layers=True)
    for i, clip in enumerate(rows):
        averaged = extractor.finish({key: layer.cpu().numpy() for key, layer in zip(LAYERS, clip, strict=True)})
        for key in LAYERS:
            assert relative_error(averaged[key], arrays[f"output_{key}"][i]) < TOLERANCE


def test_each_example_has_its_own_layers_and_the_usual_embedding():
    network = VGGish().eval()
    examples = torch.randn(CPU_EXAMPLES + 1, 96, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        layers, alone = network.layers(examples), network.layers(examples[-1:])
        embedding, _ = network(examples)
    assert [tuple(layer.shape) for layer in layers] == [(CPU_EXAMPLES + 1, size) for size in SIZES]
    assert all(relative_error(layer[-1:], one) < 1e-5 for layer, one in zip(layers, alone, strict=True))
    assert relative_error(layers[-1], embedding) < 1e-6


def test_rows_stay_as_they_are_without_an_average():
    extractor = VGGishExtractor.__new__(VGGishExtractor)
    extractor.config = VGGishConfig(layers=True, average="none")
    assert extractor.finish({"layer_0": np.ones((6, 64))})["layer_0"].shape == (6, 64)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"layers": True, "postprocess": True}, "--postprocess is for the plain embedding"),
        ({"layers": True, "preactivation": True}, "--preactivation is for the plain embedding"),
        ({"layers": True, "vggish_backend": "tf"}, "needs the PyTorch backend"),
        ({"average": "clips", "postprocess": True}, "8-bit levels"),
        ({"average": "both"}, "choose from auto, clips, none"),
    ],
)
def test_what_excludes_each_other_is_refused(flags, message):
    with pytest.raises(UserError, match=message):
        VGGishConfig(**flags)


def test_the_embedding_is_averaged_only_if_asked():
    assert not VGGishConfig().averages
    assert VGGishConfig(average="clips").averages
    assert VGGishConfig(layers=True).averages
    assert not VGGishConfig(layers=True, average="none").averages
