"""Build hook: puts the program below `featmill` in the wheel, so that it takes no other name in site-packages."""

import re
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
IMPORT = re.compile(r"^(\s*from )(main|models|utils)(?=[. ])", re.MULTILINE)
OTHER_IMPORT = re.compile(r"^\s*import (main|models|utils)\b", re.MULTILINE)


class BuildHook(BuildHookInterface):
    """Adds `main.py`, `models/`, `utils/` and `recipes/` to the wheel, import lines rewritten."""

    def initialize(self, version, build_data):  # noqa: D102 - hatch's own hook
        if self.target_name != "wheel" or version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        for source, target in _files():
            path = Path(self._folder.name) / target
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_rewritten(source) if source.suffix == ".py" else source.read_bytes())
            build_data["force_include"][str(path)] = f"featmill/{target}"

    def finalize(self, version, build_data, artifact_path):  # noqa: D102 - hatch's own hook
        if self.target_name == "wheel" and version != "editable":
            self._folder.cleanup()


def _files():
    """Yield each file of the program with its place below `featmill`."""
    yield ROOT / "main.py", "_main.py"
    for folder, target in (("featmill", "."), ("models", "_models"), ("utils", "_utils"), ("recipes", "_recipes")):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not {"__pycache__", "checkpoints"} & set(path.parts):
                yield path, Path(target) / path.relative_to(ROOT / folder)


def _rewritten(path):
    """Return a module whose imports of the program's modules go through `featmill`."""
    text = path.read_text()
    if found := OTHER_IMPORT.search(text):
        raise ValueError(f"{path}: {found.group().strip()!r}; write it as `from ... import ...`")
    return IMPORT.sub(lambda found: f"{found[1]}featmill._{found[2]}", text).encode()
