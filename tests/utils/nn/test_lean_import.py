"""Imports without PyTorch's compiler, each in a separate process."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_extractors_are_imported_without_the_compiler():
    code = (
        "import sys; from models import MODELS; from utils.extractors.registry import load_extractor, load_object\n"
        "from utils.extractors.labels import class_names; from utils.nn.lean_import import without_compiler\n"
        "with without_compiler():\n"
        "    for model in MODELS.values():\n        load_extractor(model.extractor)\n"
        "    load_object('models.clip.tower:import_open_clip')()\n"
        "    load_object('models.timm.weights:import_timm')()\n"
        "    class_names('kinetics400')\n"
        "loaded = {'torchvision', 'open_clip', 'timm'} & set(sys.modules)\n"
        "print(len(loaded), [name for name in sys.modules if name.startswith('torch._dynamo')])"
    )
    assert run(code) == "3 []"


def test_flow_by_raft_in_i3d_is_loaded_without_the_compiler():
    code = (
        "import sys, torch\n"
        "from models.i3d.config import I3DConfig\n"
        "from models.i3d.extractor import I3DExtractor\n"
        "from utils.nn.lean_import import without_compiler\n"
        "config = I3DConfig(streams=['flow'], flow_type='raft')\n"
        "with without_compiler():\n"
        "    I3DExtractor(config, {'i3d_flow': None, 'raft': None}, torch.device('cpu'))\n"
        "print('torchvision' in sys.modules, [name for name in sys.modules if name.startswith('torch._dynamo')])"
    )
    assert run(code) == "True []"


def test_the_compiler_is_there_for_those_who_ask_later():
    code = (
        "from utils.nn.lean_import import without_compiler\n"
        "with without_compiler():\n    import torchvision\n"
        "import torch, torch._dynamo\n"
        "compiled = torch.compile(torch.sin, backend='eager')\n"
        "print(compiled(torch.zeros(1)).item(), torch._dynamo.config.recompile_limit > 0)"
    )
    assert run(code) == "0.0 True"


def test_an_import_that_needs_more_of_the_compiler_gets_it():
    code = (
        "from utils.nn.lean_import import without_compiler\n"
        "with without_compiler():\n    from torch._dynamo import optimize, disable\n"
        "import torch\n"
        "print(optimize is torch._dynamo.optimize)"
    )
    assert run(code) == "True"


def test_kernels_for_the_meta_device_can_be_loaded_later():
    code = (
        "import sys; from utils.nn.lean_import import load_meta_kernels, without_meta_kernels\n"
        "with without_meta_kernels():\n    import torch\n"
        "print({'torch._refs', 'torch._decomp', 'torch._meta_registrations'} & set(sys.modules))\n"
        "load_meta_kernels()\n"
        "x = torch.empty(1, 1, 3, 3, device='meta')\n"
        "print(torch.nn.functional.conv2d(x, x).shape)"
    )
    assert run(code) == "set()\ntorch.Size([1, 1, 1, 1])"
