"""The environments say the same, and no committed file names where packages come from."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import featmill
from utils.state.run_file import VERSION
from utils.weights.store import CACHE_VARIABLE

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned(python: str) -> dict[str, str]:
    requirements = map(Requirement, PROJECT["tool"]["uv"]["constraint-dependencies"])
    there = {"python_version": python, "python_full_version": f"{python}.0"}
    return {
        r.name: next(iter(r.specifier)).version for r in requirements if r.marker is None or r.marker.evaluate(there)
    }


def python_of(environment: dict[str, list]) -> str:
    (line,) = [line for line in environment["dependencies"] if str(line).startswith("python=")]
    return line.removeprefix("python=")


@pytest.mark.parametrize(("name", "extras"), [("i3d", []), ("vggish", ["tf"])])
def test_conda_environments_hold_the_pinned_versions(name, extras):
    environment = yaml.safe_load((ROOT / f"conda_env_{name}.yml").read_text())
    listed = dict(line.split("==") for line in environment["dependencies"][-1]["pip"])
    wanted = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    for extra in extras:
        wanted += [Requirement(text) for text in PROJECT["project"]["optional-dependencies"][extra]]
    assert set(listed) == {requirement.name for requirement in wanted}
    pins = pinned(python_of(environment))
    for requirement in wanted:
        assert listed[requirement.name] == pins[requirement.name]
        assert requirement.specifier.contains(listed[requirement.name])


def test_no_committed_file_names_a_registry_or_is_large():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert files
    host = re.compile(rb"pypi\.org|python" rb"hosted\.org")
    for path in files:
        assert path.stat().st_size < 1_000_000, path
        assert not host.search(path.read_bytes()), path


README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    (.*uv run .*)$", README, re.MULTILINE)


def test_readme_and_environments_name_the_python_versions_that_are_allowed():
    """3.11 to 3.13; the linter and the type checker hold the oldest."""
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [minor for minor in range(30) if f"3.{minor}" in allowed]
    (sentence,) = re.findall(r"You need Python ([^`]*) with", README)
    assert [int(minor) for minor in re.findall(r"3\.(\d+)", sentence)] == minors == [11, 12, 13]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py3{minors[0]}"
    assert PROJECT["tool"]["pyright"]["pythonVersion"] == f"3.{minors[0]}"
    for name in ("i3d", "vggish"):
        assert python_of(yaml.safe_load((ROOT / f"conda_env_{name}.yml").read_text())) in allowed


def test_the_readmes_first_command_installs_no_test_packages():
    first = next(command for command in COMMANDS if "main.py" in command)
    assert "--group" not in first and "--extra" not in first
    assert PROJECT["tool"]["uv"]["default-groups"] == []
    needed = {Requirement(text).name for text in PROJECT["project"]["dependencies"]}
    assert not needed & {"pytest", "hypothesis", "moto", "pyright", "ruff", "duckdb", "pandas"}


def test_machines_without_a_gpu_have_a_recipe_that_keeps_the_cpu_build():
    """In README and docs/install.md, the same: the build is installed before the run, which must not replace it."""
    installed = "uv pip install --torch-backend cpu -r pyproject.toml"
    after_readme = README[README.index(f"    python -m pip install uv && uv venv && {installed}\n") :]
    assert "\n    uv run --no-sync python main.py " in after_readme
    page = (ROOT / "docs" / "install.md").read_text()
    section = page[page.index("## Without a GPU\n") :]
    assert f"`{installed}`, then `uv run --no-sync python main.py" in section.partition("\n## ")[0]


def test_tests_and_checks_ask_for_their_packages():
    (tests,) = [command for command in COMMANDS if "pytest" in command]
    assert "--group dev --extra tf" in tests
    checks = re.findall(r"^uv run (.*)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert len(checks) == 4 and all(check.startswith("--group dev ") for check in checks)


def test_the_readme_has_a_recipe_for_machines_without_a_gpu():
    assert "uv pip install --torch-backend cpu -r pyproject.toml" in README
    assert any(command.startswith("uv run --no-sync python main.py") for command in COMMANDS)


def test_the_dockerfile_passes_its_linter_and_names_what_there_is():
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    dockerfile = (ROOT / "Dockerfile").read_text()
    pythons = re.findall(r"FROM python:(3\.\d+)", dockerfile)
    assert pythons and all(python in SpecifierSet(PROJECT["project"]["requires-python"]) for python in pythons)
    assert re.findall(r"^FROM \S+ AS (\w+)", dockerfile, re.MULTILINE)[-2:] == ["cpu", "cuda"]
    assert f"ENV {CACHE_VARIABLE}=" in dockerfile


def test_the_version_is_stated_once_and_the_same():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["project"]["version"] == VERSION == featmill.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert len(README.splitlines()) < 90
    for template in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        yaml.safe_load(template.read_text())
