from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, layout, relative_error

from models.i3d.network import I3D, Padding, zeros_around
from models.i3d.weights import Stream, load_i3d, random_i3d

STREAMS: tuple[Stream, ...] = ("rgb", "flow")
pytestmark = pytest.mark.usefixtures("skip_init")


def drawn_input(arrays: dict[str, np.ndarray], meta: dict) -> torch.Tensor:
    """Return the input of a golden case, as its meta says it was drawn."""
    rng = np.random.default_rng(meta["input"]["seed"])
    clips = rng.normal(0.0, meta["input"]["scale"], meta["input"]["shape"]).astype(np.float32)
    assert np.array_equal(clips[0, :, 0, 0, :4], arrays["input_head"])
    return torch.from_numpy(clips)


def load(path: Path, stream: Stream, bn_eps: float, padding: Padding) -> I3D:
    """Return the network in the memory format that the program uses, which is also the faster one."""
    network: Any = load_i3d(path, stream, bn_eps, padding)  # Any: torch declares no `to` with a memory format
    return network.to(DEVICE, memory_format=torch.channels_last_3d)


@torch.inference_mode()
def assert_matches(network: I3D, stream: Stream, name: str, suffix: str = "") -> None:
    """Compare features and logits with those of a golden case, whose arrays end in `suffix`."""
    arrays, meta = case(f"i3d_{stream}", name)
    features, logits = network(drawn_input(arrays, meta).to(DEVICE, memory_format=torch.channels_last_3d))
    assert relative_error(features, arrays[f"output_features{suffix}"]) < TOLERANCE
    assert relative_error(logits, arrays[f"output_logits{suffix}"]) < TOLERANCE


@pytest.fixture(scope="module", params=STREAMS)
def parity(request: pytest.FixtureRequest, i3d_files: dict[str, Path]) -> tuple[I3D, Stream]:
    """A network with the settings of video_features, and its stream."""
    return load(i3d_files[request.param], request.param, 1e-5, "video_features"), request.param


@pytest.mark.parametrize("name", ["case_t10", "case_t16", "case_t21", "case_t64"])
def test_network_matches_video_features(parity: tuple[I3D, Stream], name: str) -> None:
    assert_matches(*parity, name)


@pytest.mark.parametrize("stream", STREAMS)
def test_network_matches_the_port_with_the_epsilon_of_training(i3d_files: dict[str, Path], stream: Stream) -> None:
    assert_matches(load(i3d_files[stream], stream, 1e-3, "video_features"), stream, "case_t16_eps1e-3")


@pytest.mark.parametrize("stream", STREAMS)
def test_tensorflow_checkpoint_matches_video_features(i3d_prefixes: dict[str, Path], stream: Stream) -> None:
    assert_matches(load(i3d_prefixes[stream], stream, 1e-5, "video_features"), stream, "case_tf_t16")


@pytest.mark.parametrize("name", ["case_tf_t16", "case_tf_t21"])
@pytest.mark.parametrize("stream", STREAMS)
def test_tensorflow_checkpoint_matches_tensorflow(i3d_prefixes: dict[str, Path], stream: Stream, name: str) -> None:
    assert_matches(load(i3d_prefixes[stream], stream, 1e-3, "tensorflow"), stream, name, suffix="_tf")


@torch.inference_mode()
def test_a_contiguous_batch_gives_each_clip_its_own_features(i3d_files: dict[str, Path]) -> None:
    arrays, meta = case("i3d_rgb", "case_t10")
    clip = drawn_input(arrays, meta).to(DEVICE)
    network = load_i3d(i3d_files["rgb"], "rgb", 1e-5, "video_features").to(DEVICE)
    features, logits = network(torch.cat([clip.flip(2), clip]))
    assert features.shape == (2, 1024) and logits.shape == (2, 400)
    assert relative_error(features[1:], arrays["output_features"]) < TOLERANCE
    assert relative_error(features[:1], arrays["output_features"]) > 1e-2


@pytest.mark.parametrize("stream", STREAMS)
def test_state_dict_has_the_published_names_and_shapes(stream: Stream) -> None:
    spec = layout(f"i3d_{stream}")
    published = {name: shape for part in ("tensors", "optional_tensors") for name, (shape, *_) in spec[part].items()}
    ours = {name: list(value.shape) for name, value in random_i3d(stream, 1e-5, "video_features").state_dict().items()}
    assert ours == published


@pytest.mark.parametrize(
    "length, kernel, stride, padding, expected",
    [
        (224, 7, 2, "video_features", (2, 3)),
        (21, 7, 2, "video_features", (2, 3)),
        (224, 7, 2, "tensorflow", (2, 3)),
        (21, 7, 2, "tensorflow", (3, 3)),
        (11, 3, 2, "video_features", (0, 1)),
        (11, 3, 2, "tensorflow", (1, 1)),
        (6, 2, 2, "tensorflow", (0, 0)),
        (5, 2, 2, "tensorflow", (0, 1)),
        (5, 2, 2, "video_features", (0, 0)),
        (5, 3, 1, "tensorflow", (1, 1)),
        (5, 1, 1, "video_features", (0, 0)),
    ],
)
def test_zeros_around(length: int, kernel: int, stride: int, padding: Padding, expected: tuple[int, int]) -> None:
    assert zeros_around(length, kernel, stride, padding) == expected


@pytest.mark.parametrize("shape", [(1, 3, 9, 224, 224), (1, 3, 16, 256, 256)])
def test_clips_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"T at least 10, not \[1, 3"):
        I3D(3)(torch.zeros(shape))
