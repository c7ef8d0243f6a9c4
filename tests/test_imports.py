"""Which way imports go: main → models → utils. Reads every import of the source, and fails on one that points back."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOW_USERS = {"i3d": {"pwc", "raft"}}  # the one model that may use others, through the flow contract
# Parts that know nothing of the one that joins them; the worker's pipeline knows nothing of the main process.
FORBIDDEN_IN_UTILS = {
    "utils.windows": ("utils.pipeline", "utils.runner", "utils.run", "utils.worker"),
    "utils.transforms": ("utils.pipeline", "utils.runner", "utils.run", "utils.worker"),
    "utils.batch": ("utils.pipeline", "utils.runner", "utils.run", "utils.worker"),
    "utils.assemble": ("utils.pipeline", "utils.runner", "utils.run", "utils.worker"),
    "utils.media": ("utils.pipeline", "utils.runner", "utils.run", "utils.worker", "utils.extractor"),
    "utils.sources": ("utils.pipeline", "utils.runner", "utils.run", "utils.worker"),
    "utils.pipeline": ("utils.runner", "utils.run", "utils.worker"),
}


def modules() -> dict[str, Path]:
    """Return every module of the program by its dotted name."""
    paths = [ROOT / "main.py", *(ROOT / "models").rglob("*.py"), *(ROOT / "utils").rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports(name: str, path: Path) -> set[str]:
    """Return what a module imports anywhere in it, functions included, as dotted names."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*parts, *([node.module] if node.module else [])])
            found |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return found


IMPORTS = {name: imports(name, path) for name, path in modules().items()}


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_the_check_sees_the_program() -> None:
    assert {"main", "utils.pipeline", "utils.media.video", "models.i3d.extractor", "models"} <= IMPORTS.keys()
    assert "utils.errors.VideoError" in IMPORTS["utils.media.container"]
    assert "models.raft.weights" in IMPORTS["models.i3d.extractor"]  # within a function


@pytest.mark.parametrize("name", sorted(IMPORTS))
def test_arrows_point_the_right_way(name: str) -> None:
    own = {target for target in IMPORTS[name] if target.split(".")[0] in ("main", "models", "utils")}
    assert not [target for target in own if is_within(target, "main")]
    if is_within(name, "utils"):
        assert not [target for target in own if is_within(target, "models")]
    if name.startswith("models."):
        model = name.split(".")[1]
        allowed = {model} | FLOW_USERS.get(model, set())
        others = {target.split(".")[1] for target in own if target.startswith("models.")}
        assert others <= allowed
    for part, forbidden in FORBIDDEN_IN_UTILS.items():
        if is_within(name, part):
            assert not [target for target in own if any(is_within(target, module) for module in forbidden)]


def test_what_help_and_the_main_process_need_imports_no_torch() -> None:
    """Its import takes seconds. Also by way of others: so in a process of its own."""
    light = [name for name in IMPORTS if name.startswith("models.") and name.endswith((".config", ".checkpoints"))]
    assert len(light) >= 4
    heavy = ("torch", "torchvision", "tensorflow", "cv2", "av", "numba")
    program = (
        "import importlib, sys\n"
        f"for name in {[*sorted(light), 'main', 'models', 'utils.command', 'utils.catalogue', 'utils.run']!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = set({heavy!r}) & set(sys.modules)\n"
        "    assert not heavy, f'{name} imports {heavy}'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
