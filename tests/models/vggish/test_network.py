import torch
from support.device import DEVICE
from support.golden import relative_error

from models.vggish.network import CPU_EXAMPLES, VGGish
from utils.nn.prepare import ComputeMode, prepare_layers


def outputs(network, examples):
    with torch.inference_mode():
        return network.to(DEVICE)(torch.as_tensor(examples).to(DEVICE))


def test_any_number_of_examples_gives_as_many_rows():
    network = VGGish().eval()
    examples = torch.randn(CPU_EXAMPLES + 1, 96, 64, generator=torch.Generator().manual_seed(1))
    _, of_many = outputs(network, examples)
    _, of_one = outputs(network, examples[-1:])
    assert relative_error(of_many[-1:], of_one) < 1e-5
    for _ in range(2):
        embedding, preactivation = outputs(network, examples[:0])
        assert embedding.shape == preactivation.shape == (0, 128)
        prepare_layers(network, DEVICE, ComputeMode())
