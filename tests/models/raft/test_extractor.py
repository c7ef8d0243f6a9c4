import numpy as np
import torch
from support.device import DEVICE, TOLERANCE
from support.golden import case, relative_error

from models.raft.config import RAFTConfig
from models.raft.extractor import RAFTExtractor
from models.raft.preprocess import unpad
from models.raft.pretrained import KITTI, SINTEL, needs
from utils.extractors.base import VideoStreamInfo
from utils.worker.window_builder import WindowBuilder


def test_flow_of_the_frame_alone_equals_the_reference(raft_file, golden_frames):
    arrays, meta = case("raft", "case_flow_133x203")
    frames = golden_frames(meta["input"]).permute(0, 2, 3, 1).to(torch.uint8)
    extractor = RAFTExtractor(RAFTConfig(), {"raft": raft_file}, DEVICE)
    builder = WindowBuilder(extractor, extractor.sampling(VideoStreamInfo(25.0, 240, 320)))
    with torch.inference_mode():
        (cut,) = builder.push(extractor.prepare(frames.to(DEVICE)), np.arange(2) / 25)
        flow = extractor.forward(cut.inputs)["raft"]
    assert flow.shape == (1, 2, 133, 203)
    assert relative_error(flow, unpad(torch.from_numpy(arrays["output_flow_padded"]), (133, 203))) < TOLERANCE


def test_the_file_of_each_data_set():
    assert needs(RAFTConfig())["raft"].published is SINTEL
    assert needs(RAFTConfig(finetuned_on="kitti"))["raft"].published is KITTI
