"""The wheel as a newcomer uses it: one name in site-packages, the command and the Python lines, from any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.program import ROOT

LINES = """
import featmill
video = featmill.extract("clip.mp4", "resnet", model_name="resnet18", weights="random", extraction_total=3)
assert video["resnet"].shape == (3, 512) and video.status == "done"
assert (featmill.load("out")["clip"]["resnet"] == video["resnet"]).all()
assert {row["feature_type"] for row in featmill.models()} >= {"i3d", "vggish"}
"""
EVERY_MODULE = """
import pkgutil, sys, importlib
names = [found.name for found in pkgutil.walk_packages(featmill.__path__, "featmill.")]
for name in names:
    importlib.import_module(name)
print(len(names), sorted({"main", "models", "utils"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of an environment that has the wheel, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (site,) = (folder / "env" / "lib").glob("python3*/site-packages")
    (wheel,) = folder.glob("featmill-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"featmill"}
    (site / "dependencies.pth").write_text(f"{np.__path__[0].removesuffix('/numpy')}\n")
    programs = folder / "env" / "bin"
    entry = next(site.glob("*.dist-info/entry_points.txt")).read_text()
    assert "featmill = featmill.__main__:run" in entry
    script = programs / "featmill"  # what installers make of the entry point
    script.write_text(f"#!{programs / 'python'}\nimport sys\nfrom featmill.__main__ import run\n"
                      'if __name__ == "__main__":\n    sys.exit(run())\n')  # fmt: skip
    script.chmod(0o755)
    return programs


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder whose modules have the names that the checkout uses."""
    for name in ("main", "models", "utils"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    shutil.copy(ROOT / "sample" / "bouncing_shapes.mp4", tmp_path / "clip.mp4")
    return tmp_path


def done(folder: Path, *command: object) -> str:
    """Return what a command in a folder prints; AssertionError if it fails."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(word) for word in command], cwd=folder, env=outside, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_command_and_the_python_lines_of_a_newcomer_use_the_wheel(installed: Path, elsewhere: Path) -> None:
    flags = ("--feature_type", "resnet", "--model_name", "resnet18", "--weights", "random", "--extraction_total", 3)
    done(elsewhere, installed / "featmill", *flags, "--video_paths", "clip.mp4", "--output_path", "out")
    assert "1 done" in done(elsewhere, installed / "featmill", "status", "out")
    assert "thumos14_i3d " in done(elsewhere, installed / "featmill", "recipes")
    assert "featmill --feature_type TYPE" in done(elsewhere, installed / "python", "-m", "featmill", "--help")
    (elsewhere / "lines.py").write_text(LINES + EVERY_MODULE)
    n_modules, checkout = done(elsewhere, installed / "python", "-W", "ignore", "lines.py").split(maxsplit=1)
    assert int(n_modules) > 250 and checkout.strip() == "[]"
