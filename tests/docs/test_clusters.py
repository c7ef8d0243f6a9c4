"""The files in docs/clusters: their YAML, and the commands in them."""

import re
import shlex

import pytest
import yaml
from support.program import ROOT

from models import MODELS
from utils.commands import cli

FOLDER = ROOT / "docs" / "clusters"


@pytest.mark.parametrize("name", ["rayjob.yaml", "skypilot.yaml", "index.md"])
def test_the_commands_are_runs_on_ray(name):
    text = (FOLDER / name).read_text()
    if name == "rayjob.yaml":
        text = yaml.safe_load(text)["spec"]["entrypoint"]
    command = re.search(r"featmill --engine(.*\\\n)*.*", text)
    assert command is not None
    flags = command[0].replace("$SKYPILOT_NUM_NODES", "4").replace("\\\n", " ")
    run, _ = cli.parse(shlex.split(flags)[1:], MODELS)
    assert run.engine == "ray" and run.num_workers and run.on_extraction == "save_numpy"


def test_the_job_has_the_cluster_that_stays():
    cluster, job = (yaml.safe_load((FOLDER / name).read_text()) for name in ("raycluster.yaml", "rayjob.yaml"))
    assert cluster["apiVersion"] == job["apiVersion"] == "ray.io/v1"
    assert job["spec"]["rayClusterSpec"] == cluster["spec"]
