import json

import pytest
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import GOLDEN, case, golden_sounds, layout, relative_error

from models.panns.config import FRONT_ENDS
from models.panns.network import Cnn14
from models.panns.preprocess import log_mel
from models.panns.pretrained import BY_MODEL
from models.panns.weights import FRONT_END, NAMES, load_panns
from utils.errors import UserError
from utils.nn.skip_init import SkipInit
from utils.weights.rename import rename

CASES = {
    "case_32k_1s": "cnn14",
    "case_32k_2s": "cnn14",
    "case_32k_tone440": "cnn14",
    "case_32k_shortest": "cnn14",
    "case_16k_1s": "cnn14_16k",
    "case_16k_shortest": "cnn14_16k",
}


@pytest.mark.parametrize("name", CASES)
def test_embeddings_and_logits_equal_the_reference(name, panns):
    expected, meta = case("panns_cnn14", name)
    with torch.inference_mode():
        embeddings, logits = panns(log_mel(golden_sounds(meta["input"]).to(DEVICE), FRONT_ENDS[CASES[name]]))
    assert relative_error(embeddings, expected["output_embedding"]) < TOLERANCE
    assert relative_error(logits, expected["output_logits"]) < TOLERANCE


@pytest.mark.parametrize("keys", ["keys.json", "keys_16k.json"])
def test_every_published_name_has_its_place(keys):
    published = {name: shape for name, (shape, _) in layout("panns_cnn14", keys)["tensors"].items()}
    ours = rename({name: shape for name, shape in published.items() if not name.startswith(FRONT_END)}, NAMES)
    with SkipInit():
        assert {name: list(value.shape) for name, value in Cnn14().state_dict().items()} == ours


def test_a_file_for_another_rate_is_refused(tmp_path):
    torch.save({"model": {"logmel_extractor.melW": torch.zeros(257, 64)}}, tmp_path / "16k.pth")
    with pytest.raises(UserError, match=r"16k\.pth: its spectrum has 257 frequencies.*use --model_name cnn14_16k"):
        load_panns(tmp_path / "16k.pth", "cnn14")
    with pytest.raises(UserError, match="not a checkpoint of Cnn14"):
        load_panns(tmp_path / "16k.pth", "cnn14_16k")


def test_published_files_are_those_of_the_layouts():
    for file, keys in zip(BY_MODEL.values(), ("keys.json", "keys_16k.json"), strict=True):
        spec = json.loads((GOLDEN / "panns_cnn14" / keys).read_text())
        assert ([file.name], [file.url]) == (spec["file"], spec["url"])
