"""Which way imports go: featmill → main → models → utils, and within utils from each room only to those below it.

Every import counts: within functions, and those for type checkers alone.
"""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = [  # of utils/, each importing only those below it
    "commands",
    "explore",
    "engines",
    "run",
    "worker",
    "state",
    "extractors",
    "sinks",
    "nn",
    "sources",
    "weights",
    "media",
    "config",
    "storage",
    "transforms",
    "errors",
]
PACKAGES = ("featmill", "models", "utils")
FOLDERS = ("benchmarks", "featmill", "models", "tests", "utils")
TESTED_ELSEWHERE = {
    "featmill": "search",  # in tests/utils/explore/search/test_ask.py
    "models/slowonly": "weights",  # in tests/utils/nn/test_resnet3d.py, with its siblings
    "utils/commands": "card search status view",  # by tests of what they show
    "utils/engines": "base held ray_metrics ray_node supply",  # base is a protocol; ray, and the policy
    "utils/explore/search": "example",
    "utils/extractors": "pairs",  # a protocol
    "utils/run": "merge_steps shard_merging",  # by tests of merging
    "utils/sinks": "stored_video window_table",
}
FLOW_USERS = {"i3d": {"pwc", "raft", "tvl1"}}  # the one model that may use others, through the flow contract


def modules() -> dict[str, Path]:
    """Return every module of the program by its dotted name."""
    paths = [ROOT / "main.py", *(path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py"))]
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


@functools.cache
def all_imports() -> dict[str, set[str]]:
    """Return what each module of the program imports."""
    return {name: imports(name, path) for name, path in modules().items()}


def room_of(name: str) -> str | None:
    """Return the room of a module of utils/, None for any other."""
    top, _, inside = name.partition(".")
    return inside.partition(".")[0] or None if top == "utils" else None


def test_the_check_sees_the_program() -> None:
    found = all_imports()
    assert {"main", "utils.worker.pipeline", "utils.media.video", "models.i3d.extractor", "models"} <= found.keys()
    assert "utils.errors.VideoError" in found["utils.media.container"]
    assert "models.raft.weights" in found["models.i3d.extractor"]  # within a function
    assert "utils.worker.main" in found["utils.engines.spawn"]  # the same
    assert room_of("utils.media.video") == "media" and room_of("utils.errors") == "errors"


def test_every_module_is_in_a_room() -> None:
    assert {room for name in all_imports() if (room := room_of(name)) is not None} == set(ROOMS)


def wrong(name: str, targets: set[str]) -> list[str]:
    """Return what a module imports against the arrows."""
    package, _, inside = name.partition(".")
    models = {inside.partition(".")[0]} | FLOW_USERS.get(inside.partition(".")[0], set())
    room = room_of(name)
    below = ROOMS[ROOMS.index(room) :] if room is not None else ROOMS

    def is_right(target: str) -> bool:
        top, _, within = target.partition(".")
        if top == "main":
            return name == "featmill.__main__"
        if top == "featmill":
            return package == "featmill"
        if top == "models":
            return package != "utils" and (package != "models" or within.partition(".")[0] in models)
        other = room_of(target)
        return other is None or other in below

    return sorted(target for target in targets if not is_right(target))


def test_arrows_point_the_right_way() -> None:
    assert {name: found for name, targets in all_imports().items() if (found := wrong(name, targets))} == {}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("utils.storage.files", "utils.worker.plan"),
        ("utils.run.todo", "models.i3d"),
        ("models.i3d.extractor", "models.clip.config"),
        ("models", "featmill.load"),
        ("utils.errors", "main"),
    ],
)
def test_an_arrow_that_points_back_is_seen(name: str, target: str) -> None:
    assert wrong(name, {target, "utils.errors", "numpy"}) == [target]


def test_only_runs_on_ray_import_it() -> None:
    found = all_imports()
    users = {name for name, targets in found.items() if any(one.startswith("utils.engines.ray") for one in targets)}
    assert {name for name in users if not name.startswith("utils.engines.ray")} == {"main"}
    assert not [name for name, targets in all_imports().items() if {"ray"} & {one.partition(".")[0] for one in targets}]
    lines = ["import sys, importlib", *(f"importlib.import_module({name!r})" for name in users - {"main"})]
    subprocess.run([sys.executable, "-c", "; ".join([*lines, "assert 'ray' not in sys.modules"])], cwd=ROOT, check=True)


def test_what_help_and_the_main_process_need_imports_no_torch() -> None:
    """Its import takes seconds. Other modules may import it in turn, so a separate process looks."""
    light = [name for name in all_imports() if name.startswith("models.") and name.endswith((".config", ".pretrained"))]
    assert len(light) >= 4
    heavy = ("torch", "torchvision", "tensorflow", "cv2", "av", "numba")
    commands = [name for name in all_imports() if room_of(name) == "commands"]
    program = (
        "import importlib, sys\n"
        f"for name in {[*sorted(light), 'main', 'models', *sorted(commands)]!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = set({heavy!r}) & set(sys.modules)\n"
        "    assert not heavy, f'{name} imports {heavy}'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_tests_mirror_the_source() -> None:
    """The tests of a module are at its own path: all but tables, lists of settings, and what is tested elsewhere."""
    sources = {path.relative_to(ROOT) for path in modules().values()}
    tests = {
        path.relative_to(ROOT / "tests") for folder in PACKAGES for path in (ROOT / "tests" / folder).rglob("test_*.py")
    }
    tested = {path.with_name(path.name.removeprefix("test_")) for path in tests}
    assert not tested - sources
    elsewhere = {Path(folder, f"{name}.py") for folder, names in TESTED_ELSEWHERE.items() for name in names.split()}
    needs = {path for path in sources if functions(ROOT / path) and len(path.parts) > 1 and path.name != "__init__.py"}
    needs -= {path for path in needs if path.parts[0] == "models" and path.stem in ("config", "pretrained")}
    assert needs - tested == elsewhere


def functions(path: Path) -> list[int]:
    """Return how many lines each function of a file has."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [(node.end_lineno or 0) - node.lineno + 1 for node in nodes if isinstance(node, ast.FunctionDef)]


def test_files_and_functions_are_short() -> None:
    """At most 300 lines a file, at most 45 a function; half of the functions at most 6, nine of ten at most 17."""
    lengths = {}
    for path in (ROOT / "main.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))):
        assert path.read_text(encoding="utf-8").count("\n") <= 300, f"{path} is long"
        lengths[path] = functions(path)
        assert max(lengths[path], default=0) <= 45, f"{path} has a long function"
    for folders in (FOLDERS, PACKAGES):
        found = sorted(n for path, of in lengths.items() if path.relative_to(ROOT).parts[0] in folders for n in of)
        assert found[len(found) // 2] <= 6 and found[len(found) * 9 // 10] <= 17, folders
    assert len([path for path in (ROOT / "utils").iterdir() if path.name != "__pycache__"]) <= 17
