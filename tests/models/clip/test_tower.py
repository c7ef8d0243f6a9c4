import pytest
import torch
from open_clip.transformer import VisionTransformer
from support.device import DEVICE

from models.clip.tower import build_tower, image_input, load_tower, with_linear_projection
from utils.errors import UserError
from utils.nn.prepare import ComputeMode, prepare_network
from utils.weights.seeded import fill_random


def test_state_dicts_and_safetensors_are_the_same_tower(tmp_path):
    import safetensors.torch

    tower = build_tower("ViT-S-32", None)
    state = {f"visual.{name}": tensor for name, tensor in tower.state_dict().items()}
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "a.pt")
    safetensors.torch.save_file(state | {"logit_scale": torch.zeros(())}, tmp_path / "b.any")
    for name in ("a.pt", "b.any"):
        loaded = load_tower(tmp_path / name, "ViT-S-32", None).state_dict()
        assert all(torch.equal(tensor, loaded[key]) for key, tensor in tower.state_dict().items())


def test_other_files_are_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "fc.pt")
    with pytest.raises(UserError, match=r"fc\.pt: not a checkpoint of CLIP: it has no tensor of an image tower"):
        load_tower(tmp_path / "fc.pt", "ViT-S-32", None)
    torch.save({"visual.proj": torch.zeros(3)}, tmp_path / "proj.pt")
    with pytest.raises(UserError, match=r"proj\.pt: not a checkpoint.*missing: visual\..*wrong shape: visual\.proj"):
        load_tower(tmp_path / "proj.pt", "ViT-S-32", None)


def test_unknown_network_is_named():
    with pytest.raises(UserError, match=r"VitB32: no model of open_clip.*did you mean ViT-B-32"):
        build_tower("VitB32", None)


def test_preprocessing_follows_the_weights():
    tower = build_tower("ViT-S-32", None)
    image = image_input(tower, "ViT-B-32-SigLIP2-256", None)  # one way for all of its weights
    assert (image.fit, image.filter, image.mean, image.std) == ("squash", "bicubic", (0.5,) * 3, (0.5,) * 3)
    assert image_input(tower, "PE-Core-B-16", "meta").filter == "bilinear"
    assert image_input(tower, "ViT-S-32", None).fit == "shortest"
    with pytest.raises(UserError, match=r"need different preprocessing.*dfn5b"):
        image_input(tower, "ViT-H-14-quickgelu", None)


def test_the_activation_is_the_one_of_the_weights():
    def activation(model_name, tag):
        with torch.device("meta"):
            return type(build_tower(model_name, tag).get_submodule("transformer.resblocks.0.mlp.gelu")).__name__

    assert activation("ViT-B-32", "openai") == "QuickGELU"
    assert activation("ViT-B-32", "laion2b_s34b_b79k") == "GELU"
    assert activation("ViT-B-32-quickgelu", None) == "QuickGELU"


def coca_tower() -> tuple[VisionTransformer, torch.Tensor]:
    """A layer of CoCa's image tower with its pool, whose tokens are not as wide as its output, and images."""
    tower = VisionTransformer(224, 32, 768, 1, 12, 4, attentional_pool=True, attn_pooler_heads=8, output_dim=512).eval()
    fill_random(tower)
    return tower.requires_grad_(False), torch.randn(17, 3, 224, 224)


def test_a_pool_of_many_queries_is_that_of_open_clip():
    tower, images = coca_tower()
    with torch.inference_mode():
        expected = tower(images)
        found = prepare_network(with_linear_projection(tower), DEVICE, ComputeMode())(images.to(DEVICE))
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.bits
def test_a_row_of_that_pool_does_not_depend_on_its_batch(n_threads):
    tower, images = coca_tower()
    network = prepare_network(with_linear_projection(tower), DEVICE, ComputeMode())
    with torch.inference_mode():
        rows = network(images)
        differing = [n for n in (1, 2, 3, 5, 7, 16) if not torch.equal(network(images[:n]), rows[:n])]
    assert differing == []
