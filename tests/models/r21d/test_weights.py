import pytest
import torch
from support.golden import layout

from models.r21d.network import R2Plus1D
from models.r21d.pretrained import BY_MODEL
from models.r21d.weights import convert, load_r21d, random_r21d
from utils.errors import UserError
from utils.nn.skip_init import SkipInit

TSP_KEYS = "keys_activitynet.json"
pytestmark = pytest.mark.usefixtures("skip_init")


def test_tsp_has_the_names_of_the_network_but_for_its_heads():
    published = {key: shape for key, (shape, _) in layout("tsp_r2plus1d_34", TSP_KEYS)["tensors"].items()}
    with SkipInit():
        state = R2Plus1D(34, 200).state_dict()
    assert convert(published) == {key: list(value.shape) for key, value in state.items()}


def test_published_files_of_tsp_are_those_of_the_layout():
    spec = layout("tsp_r2plus1d_34", TSP_KEYS)
    file = BY_MODEL["r2plus1d_34_16_tsp_activitynet"]
    assert ([file.name], [file.url], file.sha256) == (spec["file"], spec["url"], "0d2cf854")
    assert BY_MODEL["r2plus1d_34_16_tsp_thumos14"].url in spec["other_files"].values()


def test_a_fine_tuned_file_keeps_its_classes_and_another_network_is_refused(tmp_path):
    state = random_r21d("r2plus1d_18_16_kinetics").state_dict()
    torch.save(state | {"fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}, tmp_path / "tuned.pth")
    assert load_r21d(tmp_path / "tuned.pth", "r2plus1d_18_16_kinetics").fc.out_features == 7
    with pytest.raises(UserError, match=r"tuned\.pth: not a checkpoint of R2Plus1D \(\d+ missing: layer1\.2\."):
        load_r21d(tmp_path / "tuned.pth", "r2plus1d_34_8_ig65m_ft_kinetics")
