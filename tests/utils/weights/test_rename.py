import torch

from utils.weights.rename import WITHOUT_PREFIXES, count_mmaction2_classes, from_mmaction2, rename


def test_the_first_pattern_at_the_start_of_a_name_counts():
    table = ((r"layer(\d)\.", r"stage\1."), (r"layer", "x"))
    assert rename({"layer1.w": 1, "my.layer1.w": 2, "other": 3}, table) == {"stage1.w": 1, "my.layer1.w": 2, "other": 3}
    assert rename({"_orig_mod.backbone.w": 1, "encoder.b": 2}, WITHOUT_PREFIXES) == {"w": 1, "b": 2}


def test_names_of_mmaction2():
    tensors = {
        "cls_head.fc_cls.weight": torch.zeros(7, 4),
        "backbone.layer2.0.non_local_block.theta.conv.weight": torch.zeros(1),
        "backbone.layer2.0.non_local_block.phi.0.conv.weight": torch.zeros(1),
    }
    assert list(from_mmaction2(tensors)) == [
        "classifier.weight",
        "backbone.layer2.0.non_local.theta.weight",
        "backbone.layer2.0.non_local.phi.weight",
    ]
    assert count_mmaction2_classes(tensors, 400) == 7 and count_mmaction2_classes({}, 400) == 400
