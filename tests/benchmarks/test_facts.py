"""models/facts.json: every feature type is in it, and what is computed of cheap networks is what it says."""

import re
from typing import Any, cast

import pytest

from benchmarks.facts import SUBJECTS
from benchmarks.networks import KNOWN, gflop
from models import FACTS, MODELS

TABLE = cast(dict[str, dict[str, Any]], FACTS)  # with every key, as is tested here


def test_every_feature_type_has_a_row():
    assert list(FACTS) == list(MODELS) and all(model.facts for model in MODELS.values())
    for name, facts in TABLE.items():
        assert facts["row"] and facts["golden_reference"]
        assert facts["golden_error"] is None or 0 <= facts["golden_error"] < 1e-4
        assert facts["networks"] or name == "timm"
        for network in SUBJECTS.get(name, {}):
            assert facts["networks"][network].keys() == {"dimension", "parameters", "gflop", "memory_mib"}
    assert all(network["licence"] for network in TABLE["transformers"]["networks"].values())


def test_dimensions_are_those_of_the_outputs():
    for name, model in MODELS.items():
        for network in list(TABLE[name]["networks"].values())[: bool(model.files())]:
            (first, *_) = model.outputs.values()
            last = re.findall(r"\w+", first.partition("]")[0])[-1]
            assert last == ("W" if network["dimension"] is None else str(network["dimension"])), name


@pytest.mark.parametrize(("name", "network"), [("vggish", "VGGish"), ("resnet", "resnet18")])
def test_figures_are_those_of_the_networks(name, network):
    subject = KNOWN[SUBJECTS[name][network]]
    facts = TABLE[name]["networks"][network]
    assert facts["parameters"] == sum(values.numel() for values in subject.make().parameters())
    assert facts["gflop"] == round(gflop(subject), 2)
