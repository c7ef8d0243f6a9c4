"""Imports without PyTorch's compiler, each in a process of its own."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_extractors_are_imported_without_the_compiler():
    code = (
        "import sys; from models import MODELS; from utils.registry import load_extractor, load_object\n"
        "for model in MODELS.values():\n    load_extractor(model.extractor)\n"
        "load_object('models.clip.tower:import_open_clip')()\n"
        "load_object('models.timm.weights:import_timm')()\n"
        "loaded = {'torchvision', 'open_clip', 'timm'} & set(sys.modules)\n"
        "print(len(loaded), [name for name in sys.modules if name.startswith('torch._dynamo')])"
    )
    assert run(code) == "3 []"


def test_the_compiler_is_there_for_those_who_ask_later():
    code = (
        "from utils.lean_import import without_compiler\n"
        "with without_compiler():\n    import torchvision\n"
        "import torch, torch._dynamo\n"
        "compiled = torch.compile(torch.sin, backend='eager')\n"
        "print(compiled(torch.zeros(1)).item(), torch._dynamo.config.recompile_limit > 0)"
    )
    assert run(code) == "0.0 True"


def test_an_import_that_needs_more_of_the_compiler_gets_it():
    code = (
        "from utils.lean_import import without_compiler\n"
        "with without_compiler():\n    from torch._dynamo import optimize, disable\n"
        "import torch\n"
        "print(optimize is torch._dynamo.optimize)"
    )
    assert run(code) == "True"


def test_pytorch_is_imported_without_shapes_until_they_are_loaded():
    code = (
        "from utils.lean_import import load_shapes, without_shapes\n"
        "with without_shapes():\n    import torch\n"
        "from torch._subclasses import FakeTensorMode\n"
        "print(hasattr(torch, '_meta_registrations'), end=' ')\n"
        "load_shapes()\n"
        "with FakeTensorMode():\n    shape = torch.linalg.cholesky(torch.empty(3, 2, 2)).shape\n"
        "print(list(shape), torch._meta_registrations.meta_mm.__name__)"
    )
    assert run(code) == "False [3, 2, 2] meta_mm"
