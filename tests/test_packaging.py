"""The environments say the same, and no committed file names where packages come from."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned() -> dict[str, str]:
    requirements = map(Requirement, PROJECT["tool"]["uv"]["constraint-dependencies"])
    return {r.name: next(iter(r.specifier)).version for r in requirements if r.marker is None or r.marker.evaluate()}


@pytest.mark.parametrize(("name", "extras"), [("i3d", []), ("vggish", ["tf"])])
def test_conda_environments_hold_the_pinned_versions(name, extras):
    environment = yaml.safe_load((ROOT / f"conda_env_{name}.yml").read_text())
    listed = dict(line.split("==") for line in environment["dependencies"][-1]["pip"])
    wanted = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    for extra in extras:
        wanted += [Requirement(text) for text in PROJECT["project"]["optional-dependencies"][extra]]
    assert set(listed) == {requirement.name for requirement in wanted}
    for requirement in wanted:
        assert listed[requirement.name] == pinned()[requirement.name]
        assert requirement.specifier.contains(listed[requirement.name])


def test_no_committed_file_names_a_registry_or_is_large():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert files
    host = re.compile(rb"pypi\.org|python" rb"hosted\.org")
    for path in files:
        assert path.stat().st_size < 1_000_000, path
        assert not host.search(path.read_bytes()), path
