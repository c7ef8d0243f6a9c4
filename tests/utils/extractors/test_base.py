"""What constructing an extractor of any type leaves unchanged, in a separate process."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os, sys
import torch

OF_OPENCV = ("LD_LIBRARY_PATH", "QT_QPA_FONTDIR", "QT_QPA_PLATFORM_PLUGIN_PATH")  # cv2/__init__.py sets them

def state():
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    return {
        "cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        "matmul": matmul.allow_tf32,
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "init": dict(vars(torch.nn.init)),
        # It, or a stand-in that was left. Some versions of transformers load one small module below it.
        "compiler": {"torch._dynamo", "torch._dynamo.utils"} & set(sys.modules),
        "environment": {name: value for name, value in os.environ.items() if name not in OF_OPENCV},
    }

def check(feature_type, *but):
    after = state()
    changed = {name: (before[name], after[name]) for name in before if after[name] != before[name]}
    assert set(changed) <= set(but), (feature_type, changed)

before = state()
import utils.weights.seeded
utils.weights.seeded.fill_random = lambda network, scale=None: None  # drawing the weights takes seconds

from models import MODELS
from utils.extractors.labels import class_names
from utils.extractors.registry import load_extractor

settings = {"i3d": {"flow_type": "raft"}, "timm": {"model_name": "test_vit"}, "transformers": {"model_name": FOLDER}}
for feature_type in sorted(MODELS, key=lambda name: name == "transformers"):
    model = MODELS[feature_type]
    config = model.config_class()(**settings.get(feature_type, {}))
    load_extractor(model.extractor)(config, dict.fromkeys(model.needs(config)), torch.device("cpu"))
    # transformers/integrations/deepgemm.py registers functions with the compiler when it is imported.
    check(feature_type, *(["compiler"] if feature_type == "transformers" else []))
    if feature_type == "resnet":
        class_names("kinetics400")
        check("class names")
print({"torchvision", "open_clip", "timm", "transformers"} - set(sys.modules))
"""
VIT = {"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16}


def test_constructing_sets_nothing_for_the_whole_process(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(VIT | {"patch_size": 8, "architectures": ["ViTModel"]}))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "ViTImageProcessor"}))
    program = PROGRAM.replace("FOLDER", repr(str(tmp_path)))
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "set()"
