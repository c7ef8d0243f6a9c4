import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, moving_frames, relative_error

from models.slowfast.network import LAYER_FEATURES, windows
from models.slowfast.preprocess import PRESETS, network_input
from utils.nn.resnet3d import NonLocal


def outputs(network, clip):
    """Return what one clip makes of the network: mean maps after each stage, head windows, features, logits."""
    with torch.inference_mode():
        maps = list(network.maps(clip.to(DEVICE)))
        pooled = [windows(each) for each in maps]
        layers = [each.mean((2, 3))[0] for each in pooled]
        means = [(slow.mean((2, 3, 4))[0], fast.mean((2, 3, 4))[0]) for slow, fast in maps]
        return means, pooled, layers, network.classifier(layers[-1])


def clip_of(meta):
    rule = meta["input"]
    return network_input(torch.from_numpy(moving_frames(rule["seed"], 32, rule["height"], rule["width"]))[None])


@pytest.fixture(scope="module")
def outputs_256(slowfast):
    return outputs(slowfast, clip_of(case("slowfast_r50", "case_256")[1]))


@pytest.fixture(scope="module")
def outputs_224(slowfast):
    return outputs(slowfast, clip_of(case("slowfast_r50", "case_224")[1]))


@pytest.mark.parametrize("size", [224, 256])
def test_every_part_equals_pytorchvideo(size, request):
    expected, meta = case("slowfast_r50", f"case_{size}")
    means, pooled, layers, logits = request.getfixturevalue(f"outputs_{size}")
    np.testing.assert_allclose(clip_of(meta)[0, :, 0, 0, :4], expected["input_head"], rtol=1e-6)
    for i, pathways in enumerate(means):
        for name, mean in zip(("slow", "fast"), pathways, strict=True):
            assert relative_error(mean, expected[f"output_block{i}_{name}"]) < TOLERANCE
    assert relative_error(pooled[-1][0, :, None], expected["output_windows"]) < TOLERANCE
    assert relative_error(layers[-1], expected["output_features"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE


def test_probabilities_equal_pyslowfast(slowfast, outputs_256):
    expected, _ = case("slowfast_r50", "case_pyslowfast_256")
    _, pooled, layers, logits = outputs_256
    assert relative_error(layers[-1], expected["output_features"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE
    with torch.inference_mode():  # it takes the softmax of every window; logits are scaled so that it is not one class
        of_windows = slowfast.classifier(pooled[-1].flatten(2).transpose(1, 2)[0])
    assert relative_error((3e-4 * of_windows).softmax(1).mean(0), expected["output_probs_scaled"]) < TOLERANCE
    assert relative_error((3e-4 * logits).softmax(0), expected["output_probs_scaled_other_order"]) < TOLERANCE


def test_layers_equal_acav100m(outputs_256):
    expected, _ = case("slowfast_layers", "case_256")
    for i, layer in enumerate(outputs_256[2]):
        assert len(layer) == LAYER_FEATURES[i]
        assert relative_error(layer, expected[f"output_layer_{i}"]) < TOLERANCE
        if i < 4:
            assert relative_error(layer, expected[f"contrast_layer_{i}"]) > 5e-3  # no global average


def test_layers_of_a_video_equal_acav100m(slowfast):
    expected, meta = case("slowfast_layers", "case_from_frames")
    rule = meta["input"]
    frames = moving_frames(rule["seed"], rule["n"], rule["height"], rule["width"])[rule["frame_indices"]]
    clip = network_input(PRESETS["acav100m"](torch.from_numpy(frames))[None])
    np.testing.assert_allclose(clip[0, :, 0, 0, :4], expected["input_head"], rtol=1e-5)
    with torch.inference_mode():
        layers, _ = slowfast(clip.to(DEVICE))
    for i, layer in enumerate(layers):
        assert relative_error(layer[0], expected[f"output_layer_{i}"]) < TOLERANCE
        if i < 4:
            assert relative_error(layer[0], expected[f"contrast_layer_{i}"]) > 5e-3  # no global average


def test_regrouped_non_local_sum_is_the_sum_over_pairs():
    torch.manual_seed(0)
    module, x = NonLocal(8).eval(), torch.randn(2, 8, 3, 5, 4)
    with torch.inference_mode():
        theta = module.theta(x).flatten(2)
        phi, g = (torch.nn.functional.max_pool3d(conv(x), (1, 2, 2)).flatten(2) for conv in (module.phi, module.g))
        affinity = torch.einsum("bci,bcj->bij", theta, phi) / phi.shape[2]
        y = torch.einsum("bij,bcj->bci", affinity, g).view(2, 4, 3, 5, 4)
        torch.testing.assert_close(module(x), x + module.conv_out(y))
