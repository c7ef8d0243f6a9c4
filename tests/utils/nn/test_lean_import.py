"""Imports without PyTorch's compiler, each in a separate process; for extractors, see extractors/test_base.py."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_compiler_is_there_for_those_who_ask_later():
    code = (
        "import sys; from utils.nn.lean_torchvision import torchvision\n"
        "print([name for name in sys.modules if name.startswith('torch._dynamo')])\n"
        "import torch, torch._dynamo\n"
        "compiled = torch.compile(torch.sin, backend='eager')\n"
        "print(compiled(torch.zeros(1)).item(), torch._dynamo.config.recompile_limit > 0)\n"
        "print(torchvision.ops.roi_align.__globals__['is_compile_supported']('cpu') is True)"
    )
    assert run(code).split() == ["[]", "0.0", "True", "True"]


def test_what_was_excluded_from_compiling_stays_excluded():
    code = (
        "import torch; from utils.nn.lean_import import without_compiler\n"
        "with without_compiler():\n"
        "    @torch.compiler.disable\n"
        "    def plain(x):\n        print(torch.compiler.is_compiling())\n        return x + 1\n"
        "plain(0)\n"
        "def network(x):\n    print(torch.compiler.is_compiling())\n    return plain(x)\n"
        "compiled = torch.compile(network, backend='eager')\n"
        "print(compiled(torch.zeros(1)).item())"
    )
    assert run(code).split() == ["False", "True", "False", "1.0"]


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
