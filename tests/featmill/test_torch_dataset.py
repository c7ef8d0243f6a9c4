import pickle

import numpy as np
import torch
from support.sinks import line, make_sink, record

import featmill
from utils.state.manifest import Manifest
from utils.storage.folder import folder_at


def test_items_are_the_saved_arrays_as_tensors(tmp_path) -> None:
    folder, videos = folder_at(str(tmp_path / "i3d")), [record("a"), record("b", seed=1)]
    folder.prepare()
    Manifest(folder).append(*(line(each, make_sink("save_npz", folder).write(each), "i3d") for each in videos))
    data_set = featmill.load(tmp_path, "i3d").to_torch()
    again = pickle.loads(pickle.dumps(data_set))  # as a DataLoader's workers get it
    assert len(data_set) == len(again) == 2
    for ours in (data_set, again):
        for i, video in enumerate(videos):
            item = ours[i]
            assert item["name"] == video.ref.name and isinstance(item["rgb"], torch.Tensor)
            np.testing.assert_array_equal(item["rgb"], video.arrays["rgb"])
            np.testing.assert_array_equal(item["end_s"], video.end_s)
